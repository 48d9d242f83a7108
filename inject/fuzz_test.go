package inject_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// What FuzzPlan makes processes and fragments of. The words of one list meet
// those of another: the same agent by two ways, a key that two have, a value
// that is half quoted, a file that is not there.
var (
	fuzzArgv = []string{
		"/var/lang/bin/java|-XX:+UseSerialGC|-Xshare:on|-XX:SharedArchiveFile=/a.jsa|-Dx=a b|-classpath|/x.jar|Main|app.handler",
		"/var/lang/bin/java|-XX:AOTCache=/a.aot|-XX:AOTMode=on|-javaagent:/opt/a.jar|--add-opens|java.base/a=B|-Xmx1g|Main",
		"java|-jar|x.jar|lib", "/var/lang/bin/java", "/var/lang/bin/node|--expose-gc|--max-http-header-size|81920|--max-old-space-size=921|/var/runtime/index.mjs",
		"node|/f/node_modules/aws-lambda-ric/bin/index.mjs|app.handler", "/var/lang/bin/node", "node|--require|/opt/a.js|--|x.js",
		"/var/lang/bin/python3.12|/var/runtime/bootstrap.py", "/usr/bin/python3|-X|dev|-m|awslambdaric|app.handler", "python3|-bW|ignore|-um|awslambdaric|app.handler", "ruby|-wI|/opt|s.rb", "ruby|-ne|1|s.rb",
		"/var/lang/bin/dotnet|exec|--depsfile|/x.json|/var/runtime/S.dll|A::B::C", "dotnet|x.dll", "/var/lang/bin/ruby|-W1|/var/runtime/lib/runtime.rb",
		"/lambda-entrypoint.sh|app.handler", "/bin/sh|-c|node x", "/var/task/bootstrap", "env|A=1|node|x.js", "/opt/wrapper|/var/lang/bin/node|x.mjs", "|",
	}
	fuzzEnv = []string{
		"_HANDLER=app.handler", "_HANDLER=agent.handler", "AWS_EXECUTION_ENV=AWS_Lambda_java21", "AWS_EXECUTION_ENV=AWS_Lambda_nodejs18.x", "AWS_EXECUTION_ENV=AWS_Lambda_ruby3.4",
		"GRAFT_RUNTIME=java25", "GRAFT_RUNTIME=nodejs22", "GRAFT_RUNTIME=python3.12", "GRAFT_JAVA=env", "GRAFT_NEXT=/opt/wrapper", "GRAFT_NEXT=/opt/graft", "GRAFT_DISABLE=a",
		"JAVA_TOOL_OPTIONS=", "JAVA_TOOL_OPTIONS=-javaagent:/opt/a.jar=x  -XX:+UseG1GC ", "JDK_JAVA_OPTIONS=-Dx=1 '", "_JAVA_OPTIONS=-Xmx2g", "NODE_OPTIONS=", "NODE_OPTIONS= --title=\"a b\" --require /opt/a.js",
		"NODE_OPTIONS=--max_old_space_size=1 \"", "RUBYOPT=-W0 -r/opt/a.rb", "RUBYOPT=-U", "NODE_OPTIONS=--use-bundled-ca --tls-min-v1.3", "PYTHONPATH=", "PYTHONPATH=/opt/py::/x:", "PYTHONPATH=/opt/graft-python:/opt/py", "GRAFT_PYTHONPATH=unset",
		"LD_PRELOAD=/opt/a.so  /x.so:", "PATH=/usr/bin:/bin", "PATH=:", "PATH=", "LD_LIBRARY_PATH=/opt", "NODE_PATH=/opt/nodejs/node_modules",
		"DOTNET_STARTUP_HOOKS=:/opt/a.dll", "DOTNET_STARTUP_HOOKS=", "CORECLR_PROFILER=", "CORECLR_ENABLE_PROFILING=1", "OTEL_RESOURCE_ATTRIBUTES=a=1,", "OTEL_RESOURCE_ATTRIBUTES=a=1, ", "OTEL_RESOURCE_ATTRIBUTES=,",
		"A=own", "A=", "OLD=x", "NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem", "LAMBDA_TASK_ROOT=/opt/py", "LAMBDA_RUNTIME_DIR=/opt/dir", "odd", "=odd", "A=second", "",
	}
	fuzzLines = []string{
		"JAVA_TOOL_OPTIONS=-javaagent:/opt/a.jar", "JAVA_TOOL_OPTIONS=-javaagent:/opt//b.jar=x -Dx=2 -Dy='a b'", "JDK_JAVA_OPTIONS=-XX:+UseG1GC -Xmx3g --add-opens=java.base/a=B", "JAVA_TOOL_OPTIONS=-javaagent:/opt/gone.jar",
		"_JAVA_OPTIONS=-XX:+UseParallelGC -XX:-UseSerialGC", "JAVA_TOOL_OPTIONS=-Xshare:off", "NODE_OPTIONS=--require /opt/a.js --title=t", "NODE_OPTIONS=--import \"/opt/b.mjs\" -r pkg/x", "NODE_OPTIONS=--expose-gc --stack-size=900 --max-old-space-size=50 --max-http-header-size 6",
		"NODE_OPTIONS=--no-warnings --warnings --conditions a -C b", "NODE_OPTIONS=-r /opt/gone.js", "NODE_PATH=/opt/nodejs/node_modules:/opt/gone", "RUBYOPT=-r/opt/a.rb -rlib -W1 -W2", "RUBYLIB=/opt/rb:/opt/gone", "RUBYOPT=-I /opt", "RUBYOPT=-Ku -w", "RUBYOPT=-Eutf-8 -I/opt", "NODE_OPTIONS=--use-openssl-ca --import file:///opt/b.mjs", "NODE_OPTIONS=--use-bundled-ca --tls-max-v1.2",
		"PYTHONPATH=/opt/py:/opt/gone:/opt/py:/var/task", "PYTHONPATH=/var/task", "PYTHONPATH=/opt/dir::/opt/graft-python", "GEM_PATH=/opt/dir", "LD_PRELOAD=/opt/a.so:/opt/b.so", "LD_PRELOAD=/opt/a.js", "PATH=/opt/dir:/bin", "LD_LIBRARY_PATH=/opt/dir:/opt",
		"DOTNET_STARTUP_HOOKS=/opt/a.dll:/opt/b.dll:/opt/a.dll", "DOTNET_ADDITIONAL_DEPS=/opt/dir", "DOTNET_SHARED_STORE=/opt/gone", "CORECLR_ENABLE_PROFILING=1", "CORECLR_PROFILER={918728DD-259F-4A6A-AC2B-B85E1B658318}", "CORECLR_PROFILER_PATH=/opt/a.so", "CORECLR_PROFILER_PATH_64=/opt/b.so",
		"OTEL_RESOURCE_ATTRIBUTES=a=2,b=1,b=2", "OTEL_RESOURCE_ATTRIBUTES=,,c=1, d=2 ,e", "_HANDLER=agent.handler", "_HANDLER=app.handler", "_HANDLER=third.handler", "GRAFT_ORIGINAL_HANDLER=OLD", "GRAFT_ORIGINAL_HANDLER=A", "GRAFT_ORIGINAL_HANDLER=PATH",
		"AWS_LAMBDA_EXEC_WRAPPER=/opt/wrapper", "AWS_LAMBDA_EXEC_WRAPPER=/opt/wrapper2", "AWS_LAMBDA_EXEC_WRAPPER=/opt/graft", "A=1", "A=2", "OLD=y", "NODE_EXTRA_CA_CERTS=/opt/ca.pem",
		"GRAFT_RUNTIMES=java>=11", "GRAFT_RUNTIMES=java", "GRAFT_RUNTIMES=nodejs>=18", "GRAFT_RUNTIMES=python", "GRAFT_RUNTIMES=dotnet", "GRAFT_RUNTIMES=ruby", "GRAFT_RUNTIMES=other", "GRAFT_RUNTIMES=java,nodejs,other", "GRAFT_JAVA=env",
		"GRAFT_ARGS=--add-opens a/b=C -XX:+UseG1GC", "GRAFT_ARGS=--max-old-space-size=70 --require /opt/a.js", "GRAFT_ARGS=-X dev -W error", "GRAFT_ARGS=-uXutf8=1", "GRAFT_ARGS=--roll-forward Major", "GRAFT_ARGS=-I /opt -I /opt/dir -r lib", "GRAFT_ARGS=x", "GRAFT_ARGS=-Dx=3 -javaagent:/opt/a.jar",
	}
	fuzzFiles = []string{
		"/opt/a.jar", "/opt/b.jar", "/opt/a.js", "/opt/b.mjs", "/opt/nodejs/node_modules/pkg/", "/opt/a.rb", "/opt/rb/lib.rb", "/opt/rb/", "/opt/py/", "/opt/dir/", "/var/task/", "/opt/a.so elf=amd64", "/opt/b.so elf=amd64", "/opt/b.so elf=arm64",
		"/opt/a.dll", "/opt/b.dll", "/opt/wrapper mode=755", "/opt/wrapper2 mode=755", "/opt/ca.pem", "/opt/python/", "/opt/python/lib/python3.12/site-packages/", "-/opt/graft-python/sitecustomize.py", "-/opt/graft-run/node", "-/opt/graft-run/java",
		"/usr/bin/python3 -> python3.11", "/usr/bin/python3.11 mode=755", "/usr/bin/node mode=755", "/usr/bin/java mode=755", "/usr/bin/dotnet mode=755", "/var/lang/bin/node elf=amd64 interp=/lib64/ld-linux-x86-64.so.2 mode=755", "/opt/a.jar mode=fifo",
	}
	fuzzTexts = map[string]string{
		"var/lang/release": "JAVA_VERSION=\"25.0.1\"\n", "usr/release": "JAVA_VERSION=\"11.0.25\"\n",
		"var/lang/include/node/node_version.h": "#define NODE_MAJOR_VERSION 18\n#define NODE_MINOR_VERSION 20\n#define NODE_PATCH_VERSION 8\n",
	}
)

// fuzzCase makes a case of bytes: each one picks something.
func fuzzCase(t testing.TB, data []byte, raw string) (c planCase, ok bool) {
	next := func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b) % n
	}
	fsys := fstest.MapFS{}
	for _, line := range layerFiles {
		require.NoError(t, addFile(fsys, line))
	}
	c.process.Argv = strings.Split(fuzzArgv[next(len(fuzzArgv))], "|")
	for range next(6) {
		c.process.Env = append(c.process.Env, fuzzEnv[next(len(fuzzEnv))])
	}
	// Most files are there; the bits say which are not.
	for i := 0; i < len(fuzzFiles); i += 8 {
		gone := next(256)
		for j, line := range fuzzFiles[i:min(i+8, len(fuzzFiles))] {
			if gone&(1<<j) == 0 {
				require.NoError(t, addFile(fsys, line))
			}
		}
	}
	for name, text := range fuzzTexts {
		if next(4) > 0 {
			fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		}
	}
	names := []string{"a", "b", "c"}
	for i := range 1 + next(3) {
		var text strings.Builder
		for range 1 + next(6) {
			text.WriteString(fuzzLines[next(len(fuzzLines))] + "\n")
		}
		if i == 0 && raw != "" {
			text.WriteString(raw + "\n")
		}
		f, err := fragment.Parse("/opt/graft.d/50-"+names[i]+".env", names[i], []byte(text.String()))
		if err == nil {
			c.fragments = append(c.fragments, f)
		}
	}
	c.machine = inject.Machine{Root: fs.FS(fsys), Dir: "/var/task", Arch: "amd64", Self: "/opt/graft"}
	return c, len(c.fragments) > 0
}

// FuzzPlan: Keep, Once, Whole or not at all, Nothing else, whatever the
// process, the fragments and the files are.
func FuzzPlan(f *testing.F) {
	for i := range fuzzArgv {
		b := byte(i)
		f.Add([]byte{b, 4, b, b + 7, b + 13, b + 20, 0, 0, 0, 0, 1, 1, 1, 2, 4, b, b + 9, b + 18, b + 27, 3, b + 2, b + 33, b + 40}, "")
	}
	f.Add([]byte{4, 2, 0, 16}, "NODE_OPTIONS=--require \"/opt/a.js\" --title='x y'")
	f.Add([]byte{0, 2, 0, 13}, "JAVA_TOOL_OPTIONS=-javaagent:\"/opt/a.jar\"=x,y -Dq='a \"b'")
	f.Add([]byte{12, 2, 0, 19}, "RUBYOPT=-r/opt/a -r lib")
	f.Fuzz(func(t *testing.T, data []byte, raw string) {
		c, ok := fuzzCase(t, data, raw)
		if !ok {
			return
		}
		plan := c.plan()
		checkPromises(t, c, plan)
		if t.Failed() {
			for _, file := range c.result(plan) {
				t.Logf("%s:\n%s", file.Name, file.Data)
			}
			t.Logf("before: %q\n%q", c.process.Argv, c.process.Env)
			for _, fr := range c.fragments {
				t.Logf("%s: %q args %q", fr.Name, fr.Vars, fr.Args)
			}
		}
	})
}
