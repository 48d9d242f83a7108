package managed_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/rootfs"
)

// TestGoldenPlans holds the command lines to those that the golden plans are
// made for: there is one knowledge of the managed runtimes, in two places.
func TestGoldenPlans(t *testing.T) {
	files, err := filepath.Glob("../../inject/testdata/plan/*.txtar")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if base != "dotnet6_executable" && base != "dotnet8_native" && !strings.HasSuffix(base, "_managed") && !strings.HasSuffix(base, "_class_library") {
			continue
		}
		t.Run(base, func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			require.NoError(t, err)
			var argv, env []string
			for _, f := range ar.Files {
				switch list := strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n"); f.Name {
				case "argv":
					argv = list
				case "env":
					env = list
				}
			}
			execution, _ := inject.Env(env).Lookup("AWS_EXECUTION_ENV")
			rt, ok := managed.Find(strings.TrimPrefix(execution, "AWS_Lambda_"))
			require.True(t, ok)
			seen[rt.Name] = true
			handler, _ := inject.Env(env).Lookup("_HANDLER")
			f := managed.Function{Handler: handler, Memory: 512, Arch: "amd64", Native: base == "dotnet8_native"}
			if rt.Language == fragment.NodeJS {
				f.Memory = 1024
			}
			for _, name := range []string{"AWS_LAMBDA_EXEC_WRAPPER", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS"} {
				if value, ok := inject.Env(env).Lookup(name); ok {
					f.Env = append(f.Env, name+"="+value)
				}
			}
			p := rt.Process(f)
			assert.Equal(t, argv, p.Argv)
			assert.Subset(t, []string(p.Env), env)
			if f.Native { // its plan is made for any version
				p.Env = p.Env.Without("SSL_CERT_FILE")
			}
			for _, entry := range p.Env {
				name, _, _ := strings.Cut(entry, "=")
				_, there := inject.Env(env).Lookup(name)
				assert.True(t, there || strings.HasPrefix(name, "AWS_") || name == "LANG" || name == "TZ", "%s", name)
			}
		})
	}
	for _, rt := range managed.Runtimes {
		assert.True(t, seen[rt.Name] || rt.OSOnly(), "no golden plan for %s", rt.Name)
	}
}

// TestDetected has every runtime recognised, with its version, for what it is.
func TestDetected(t *testing.T) {
	for _, rt := range managed.Runtimes {
		for _, arch := range []string{"amd64", "arm64"} {
			root := rootfs.New()
			rt.AddFiles(root, arch)
			p := rt.Process(managed.Function{Handler: "a.b", Arch: arch})
			got := inject.Detect(p, fragment.Settings{}, inject.Machine{Root: root, Dir: "/var/task", Arch: arch, Self: "/opt/graft"})
			want, version, err := fragment.ParseRuntime(rt.Name)
			require.NoError(t, err)
			assert.Equal(t, want, rt.Language)
			assert.Equal(t, want, got.Language, rt.Name)
			assert.Equal(t, version, got.Version, rt.Name)
		}
	}
}

// TestProgram finds a program of an image by its name, a layer's own first.
func TestProgram(t *testing.T) {
	env := inject.Env{"PATH=bin:/usr/bin:/opt/bin"}
	root := rootfs.New()
	managed.AddProgram(root, "node", "amd64", env)
	managed.AddProgram(root, "/x/ruby", "amd64", env)
	root.AddFile("/opt/bin/java", 0o755, nil)
	managed.AddProgram(root, "java", "amd64", env)
	for name, want := range map[string]fragment.Language{"node": fragment.NodeJS, "java": fragment.Java, "ruby": fragment.Other} {
		got := inject.Detect(inject.Process{Argv: []string{name}, Env: env}, fragment.Settings{}, inject.Machine{Root: root, Dir: "/"})
		assert.Equal(t, want, got.Language, name)
	}
	_, err := root.Stat("usr/bin/java")
	assert.Error(t, err)
}

func TestOwnVariables(t *testing.T) {
	rt, ok := managed.Find("nodejs22.x")
	require.True(t, ok)
	p := rt.Process(managed.Function{Env: []string{"A=1", "NODE_PATH=/x"}})
	path, _ := p.Env.Lookup("NODE_PATH")
	assert.Equal(t, "/x", path)
	assert.Equal(t, 1, len(slices.DeleteFunc(slices.Clone(p.Env), func(s string) bool { return !strings.HasPrefix(s, "A=") })))
	assert.Contains(t, p.Argv, "--max-old-space-size=115", "Lambda's 128 MB")
	_, ok = managed.Find("nodejs12.x")
	assert.False(t, ok)
}
