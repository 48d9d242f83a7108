package inject_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// detectFiles is the machine of TestDetect.
func detectFiles(t *testing.T) fs.FS {
	fsys := fstest.MapFS{}
	for _, line := range []string{
		"/var/lang/bin/node mode=755", "/var/lang/bin/java mode=755", "/usr/bin/python3 -> python3.11", "/usr/bin/python3.11 mode=755",
		"/usr/bin/java -> ../../opt/jdk/bin/java", "/opt/jdk/bin/java mode=755",
		"/var/task/bootstrap mode=755 elf=amd64", "/opt/wrapper mode=755 elf=amd64", "/opt/link -> ../usr/bin/python3",
		"/usr/local/bin/not-executable",
		"/opt/sh-wrapper mode=755", "/opt/py-script mode=755", "/opt/env-script mode=755", "/opt/env-s mode=755", "/opt/gone-script mode=755", "/opt/bare mode=755",
	} {
		require.NoError(t, addFile(fsys, line))
	}
	for name, text := range map[string]string{
		"var/lang/include/node/node_version.h": "/* x */\n#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 11\n#define NODE_PATCH_VERSION 1\n#define NODE_VERSION_IS_LTS 1\n",
		"opt/jdk/release":                      "IMPLEMENTOR=\"x\"\nFULL_VERSION=\"0\"\nJAVA_VERSION=\"17.0.9\"\n",
		"opt/sh-wrapper":                       "#!/bin/bash\nexec \"$@\"\n",
		"opt/py-script":                        "#!/usr/bin/python3 -u\n",
		"opt/env-script":                       "#!/usr/bin/env node\n",
		"opt/env-s":                            "#!/usr/bin/env -S A=1 node --x\n",
		"opt/gone-script":                      "#!/usr/bin/env ruby3.3\n",
		"opt/bare":                             "#!\n",
	} {
		if fsys[name] == nil {
			fsys[name] = &fstest.MapFile{Mode: 0o644}
		}
		fsys[name].Data = []byte(text)
	}
	return fsys
}

func TestDetect(t *testing.T) {
	m := inject.Machine{Root: detectFiles(t), Dir: "/var/task", Arch: "amd64", Self: "/opt/graft"}
	form := map[inject.Form]string{inject.Binary: "binary", inject.Interpreter: "interpreter", inject.Script: "script"}
	const image, nodejs, ruby = "AWS_EXECUTION_ENV=AWS_Lambda_Image", "AWS_EXECUTION_ENV=AWS_Lambda_nodejs18.x", "AWS_EXECUTION_ENV=AWS_Lambda_ruby3.4"
	for _, c := range []struct{ argv, env, want string }{
		// the program itself
		{"/var/lang/bin/node index.js", "", "nodejs 20.11.1 interpreter 0"},
		{"node index.js", "", "nodejs 20.11.1 interpreter 0"},
		{"/var/lang/bin/java -cp x Main", "", "java of unknown version interpreter 0"},
		{"/usr/bin/java -cp x Main", "", "java 17.0.9 interpreter 0"},
		{"java Main", "PATH=/usr/bin", "java 17.0.9 interpreter 0"},
		{"/var/lang/bin/python3.12 x.py", "", "python 3.12 interpreter 0"},
		{"/usr/bin/python3 x.py", "", "python 3.11 interpreter 0"},
		{"python3 x.py", "", "python 3.11 interpreter 0"},
		{"/opt/other/python3 x.py", "", "python of unknown version interpreter 0"},
		{"/opt/other/python3 x.py", "AWS_EXECUTION_ENV=AWS_Lambda_python3.9", "python 3.9 interpreter 0"},
		{"/var/lang/bin/ruby x.rb", "", "ruby of unknown version interpreter 0"},
		{"/usr/bin/ruby3.2 x.rb", "", "ruby 3.2 interpreter 0"},
		{"/var/lang/bin/dotnet exec x.dll", "AWS_EXECUTION_ENV=AWS_Lambda_dotnet8", "dotnet 8 interpreter 0"},
		{"/opt/nodejs18 x.js", "", "nodejs 18 interpreter 0"},
		{"/opt/nodemon x.js", "", "other of unknown version binary 0"},
		{"/var/task/javac", "", "other of unknown version binary 0"},
		{"../lang/bin/node x.js", "", "nodejs 20.11.1 interpreter 0"},
		{"/usr/local/bin/not-executable", "", "other of unknown version binary 0"},
		{"nowhere", "", "other of unknown version binary 0"},
		// links
		{"/opt/link x.py", "", "python 3.11 interpreter 0"},
		// env
		{"env node x.js", "", "nodejs 20.11.1 interpreter 1"},
		{"/usr/bin/env A=1 B=2 node x.js", "", "nodejs 20.11.1 interpreter 3"},
		{"env -- node x.js", "", "nodejs 20.11.1 interpreter 2"},
		{"env -i node x.js", "", "other of unknown version binary 0"},
		{"env", "", "other of unknown version binary 0"},
		// a foreign wrapper
		{"/opt/wrapper /var/lang/bin/node x.js", "", "nodejs 20.11.1 interpreter 1"},
		{"/opt/wrapper -- /var/lang/bin/node x.js", "", "nodejs 20.11.1 interpreter 2"},
		{"/opt/sh-wrapper /var/lang/bin/node x.js", "", "nodejs 20.11.1 interpreter 1"},
		{"/opt/py-script /var/lang/bin/node x.js", "", "nodejs 20.11.1 interpreter 1"},
		{"env /opt/wrapper /var/lang/bin/node x.js", "", "nodejs 20.11.1 interpreter 2"},
		{"/opt/wrapper node x.js", "", "other of unknown version binary 0"},
		{"/bin/sh /var/lang/bin/node", "", "other of unknown version script 0"},
		// scripts
		{"/bin/bash bootstrap", "", "other of unknown version script 0"},
		{"/opt/sh-wrapper x", "", "other of unknown version script 0"},
		{"/lambda-entrypoint.sh app.handler", image, "other of unknown version script 0"},
		{"/lambda-entrypoint.sh app.handler", nodejs, "nodejs 18 script 0"},
		{"/opt/py-script x", "", "python 3.11 script 0"},
		{"/opt/env-script x", "", "nodejs 20.11.1 script 0"},
		{"/opt/env-s x", "", "nodejs 20.11.1 script 0"},
		{"/opt/gone-script x", "", "ruby 3.3 script 0"},
		{"/opt/bare", "", "other of unknown version script 0"},
		// AWS_EXECUTION_ENV
		{"/var/task/bootstrap", "", "other of unknown version binary 0"},
		{"/var/task/bootstrap", image, "other of unknown version binary 0"},
		{"/var/task/bootstrap", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "other of unknown version binary 0"},
		{"/var/task/bootstrap", ruby, "ruby 3.4 binary 0"},
		{"/var/task/bootstrap", "AWS_EXECUTION_ENV=AWS_ECS_FARGATE", "other of unknown version binary 0"},
		{"/var/lang/bin/node x.js", ruby, "nodejs 20.11.1 interpreter 0"},
		{"/opt/plain/node x.js", nodejs, "nodejs 18 interpreter 0"},
		{"/opt/plain/node x.js", ruby, "nodejs of unknown version interpreter 0"},
		// GRAFT_RUNTIME
		{"/var/task/bootstrap", "GRAFT_RUNTIME=nodejs22", "nodejs 22 interpreter 0"},
		{"/var/task/bootstrap", "GRAFT_RUNTIME=nodejs", "nodejs of unknown version interpreter 0"},
		{"/var/lang/bin/node x.js", "GRAFT_RUNTIME=nodejs", "nodejs 20.11.1 interpreter 0"},
		{"/var/lang/bin/node x.js", "GRAFT_RUNTIME=nodejs18", "nodejs 18 interpreter 0"},
		{"/var/lang/bin/node x.js", "GRAFT_RUNTIME=ruby3.4", "ruby 3.4 interpreter 0"},
		{"/var/task/bootstrap", "GRAFT_RUNTIME=other", "other of unknown version binary 0"},
		{"/bin/sh x", "GRAFT_RUNTIME=java21", "java 21 script 0"},
		{"/opt/plain/node x.js", "GRAFT_RUNTIME=nodejs " + nodejs, "nodejs 18 interpreter 0"},
	} {
		p := inject.Process{Argv: strings.Fields(c.argv), Env: append(strings.Fields(c.env), "PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin")}
		s, errs := fragment.ParseSettings(p.Env.Lookup)
		require.Empty(t, errs)
		rt := inject.Detect(p, s, m)
		assert.Equal(t, c.want, fmt.Sprintf("%s %s %s %d", rt.Language, rt.Version, form[rt.Form], rt.Program), "%s, %s", c.argv, c.env)
	}
	assert.Equal(t, fragment.Other, inject.Detect(inject.Process{}, fragment.Settings{}, m).Language)
}

// TestVersionFiles: a file beside the program that is damaged says nothing.
func TestVersionFiles(t *testing.T) {
	for _, c := range []struct{ program, file, text, want string }{
		{"/l/bin/java", "l/release", "JAVA_VERSION=\"1.8.0_402\"\n", "8.0"},
		{"/l/bin/java", "l/release", "JAVA_VERSION=\"25\"\nX=1", "25"},
		{"/l/bin/java", "l/release", "JAVA_VERSION=\"21.0.8.2\"", "21.0.8"},
		{"/l/bin/java", "l/release", "JAVA_VERSION_DATE=\"2025-01-01\"\nJAVA_VERSION=\"11.0.25\"\n", "11.0.25"},
		{"/l/bin/java", "l/release", "JAVA_VERSION=21", "of unknown version"},
		{"/l/bin/java", "l/release", "JAVA_VERSION=\"x\"", "of unknown version"},
		{"/l/bin/java", "l/release", "", "of unknown version"},
		{"/l/bin/node", "l/include/node/node_version.h", "#define NODE_MAJOR_VERSION 24\n#define NODE_MINOR_VERSION 0\n#define NODE_PATCH_VERSION 0\n", "24.0.0"},
		{"/l/bin/node", "l/include/node/node_version.h", "#define NODE_MAJOR_VERSION 24\r\n#define NODE_MINOR_VERSION 1\r\n#define NODE_PATCH_VERSION 2\r\n", "24.1.2"},
		{"/l/bin/node", "l/include/node/node_version.h", "#define NODE_MAJOR_VERSION 24\n", "of unknown version"},
		{"/l/bin/node", "l/include/node/node_version.h", "#define NODE_MAJOR_VERSION -1\n#define NODE_MINOR_VERSION 1\n#define NODE_PATCH_VERSION 2\n", "of unknown version"},
	} {
		m := inject.Machine{Root: fstest.MapFS{c.file: {Data: []byte(c.text), Mode: 0o644}}, Dir: "/", Arch: "amd64"}
		rt := inject.Detect(inject.Process{Argv: []string{c.program}}, fragment.Settings{}, m)
		assert.Equal(t, c.want, rt.Version.String(), "%s: %q", c.file, c.text)
	}
}

// TestDetectRealLinks: links of a real file system, a loop among them.
func TestDetectRealLinks(t *testing.T) {
	dir := t.TempDir()
	for name, target := range map[string]string{"loop": "loop", "app": "current/app", "current": "v1", "v1/app": "bin/node"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	m := inject.Machine{Root: os.DirFS("/"), Dir: dir, Arch: "amd64"}
	for program, want := range map[string]fragment.Language{"./loop": fragment.Other, "./v1/app": fragment.NodeJS, "./app": fragment.NodeJS} {
		rt := inject.Detect(inject.Process{Argv: []string{program}}, fragment.Settings{}, m)
		assert.Equal(t, want, rt.Language, program)
	}
}
