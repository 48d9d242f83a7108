//go:build linux

package explain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// Where this program stands as the runtime's own, to tell what it was started
// with.
const programs = "/var/lang/bin/"

func TestMain(m *testing.M) {
	local.Main()
	if strings.HasPrefix(os.Args[0], programs) {
		environ, err := os.ReadFile("/proc/self/environ")
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(inject.Process{
				Argv: os.Args, Env: strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00"),
			})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// everyAgent are fragments that change something in every runtime.
var everyAgent = map[string]string{
	"graft.d/10-otel.env": "JAVA_TOOL_OPTIONS=-javaagent:/opt/otel/a.jar -Dotel=1\nNODE_OPTIONS=--require /opt/otel/a.js --stack-size=900\n" +
		"PYTHONPATH=/opt/otel/python\nDOTNET_STARTUP_HOOKS=/opt/otel/a.dll\nRUBYOPT=-r/opt/otel/a.rb\nOTEL=1\nPATH=/opt/otel\n",
	"graft.d/20-import.env":   "NODE_OPTIONS=--import /opt/otel/a.mjs\nGRAFT_RUNTIMES=nodejs>=18.19\n",
	"graft.d/30-missing.env":  "JAVA_TOOL_OPTIONS=-javaagent:/opt/none.jar\nNODE_OPTIONS=--require /opt/none.js\nRUBYOPT=-r/opt/none.rb\nDOTNET_STARTUP_HOOKS=/opt/none.dll\n",
	"graft.d/40-handler.env":  "GRAFT_RUNTIMES=java\n_HANDLER=vendor.Handler\nGRAFT_ORIGINAL_HANDLER=VENDOR_HANDLER\n",
	"graft.d/50-broken.env":   "export A=1\n",
	"graft.d/60-disabled.env": "DISABLED=1\n",
	"otel/a.jar":              "", "otel/a.js": "", "otel/a.mjs": "", "otel/a.dll": "", "otel/a.rb": "", "otel/python/sitecustomize.py": "",
	"python/x.py": "",
}

// TestSameAsWrapper starts a program of each runtime's name and command line
// through the real wrapper, and compares what it was started with.
func TestSameAsWrapper(t *testing.T) {
	layer := t.TempDir()
	require.NoError(t, layers.BuildProgram(t.Context(), "wrapper", runtime.GOARCH, filepath.Join(layer, "graft")))
	require.NoError(t, layers.WriteBase(layer))
	for name, text := range everyAgent {
		file := filepath.Join(layer, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	this, err := os.Executable()
	require.NoError(t, err)
	start := func(t *testing.T, p inject.Process, front ...string) (got inject.Process) {
		var out, errs bytes.Buffer
		exit, err := local.Run(t.Context(), local.Function{
			Command: append(front, p.Argv...), Env: p.Env, Layers: []string{layer}, Handler: "x",
			Mounts: []local.Mount{{Source: this, Target: p.Argv[0]}, {Source: t.TempDir(), Target: "/var/runtime"}}, Stdout: &out, Stderr: &errs,
		})
		var notAllowed *local.NotAllowedError
		if errors.As(err, &notAllowed) {
			err = fmt.Errorf("%w: %w", testbed.ErrUnavailable, err)
		}
		testbed.NeedErr(t, err)
		require.Equal(t, local.Exit{}, exit, errs.String())
		require.NoError(t, json.Unmarshal(out.Bytes(), &got), out.String())
		return got
	}
	for _, rt := range managed.Runtimes {
		t.Run(rt.Name, func(t *testing.T) {
			o := target{layers: []source{{file: layer}}, arch: runtime.GOARCH, env: []string{
				"AWS_LAMBDA_EXEC_WRAPPER=/opt/graft", "GRAFT_DISABLE=disabled", "NODE_OPTIONS=--enable-source-maps", "JAVA_TOOL_OPTIONS=-Dotel=2", "RUBYOPT=-W0",
			}}
			if rt.OSOnly() {
				o.command = []string{programs + "bootstrap", "x"}
			}
			mounts, closers, err := o.openAll()
			require.NoError(t, err)
			defer closers[0].Close()
			s := o.on(rt, mounts)
			before := start(t, s.Process)
			require.Equal(t, s.Process.Argv, before.Argv)
			// All that the program has without graft; none of it is hidden.
			s.Process, s.Platform = before, before.Env
			r := Explain(s)

			after := start(t, before, "/opt/graft")
			assert.Equal(t, after.Argv, r.After)
			assert.Equal(t, changes(before.Env, after.Env), r.Environment)
			assert.NotEmpty(t, r.Environment)
			assert.Contains(t, r.Agents, "otel")
			assert.Contains(t, r.Unused, Skip{"disabled", "/opt/graft.d/60-disabled.env", "switched off by GRAFT_DISABLE"})
			if rt.Language != fragment.Other && rt.Language != fragment.Python {
				assert.Contains(t, fmt.Sprint(r.Skipped), "/opt/none.")
			}
		})
	}
}

// BenchmarkAll explains a stack of 8,000 files for every runtime.
func BenchmarkAll(b *testing.B) {
	layer := b.TempDir()
	for i := range 8000 {
		everyFile := filepath.Join(layer, "otel/node_modules", fmt.Sprintf("m%d", i%200), fmt.Sprintf("f%d.js", i))
		require.NoError(b, os.MkdirAll(filepath.Dir(everyFile), 0o755))
		require.NoError(b, os.WriteFile(everyFile, nil, 0o644))
	}
	for name, text := range everyAgent {
		file := filepath.Join(layer, name)
		require.NoError(b, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(b, os.WriteFile(file, []byte(text), 0o644))
	}
	l, err := layers.Open(b.Context(), layers.Options{Arch: "amd64"}, layer)
	require.NoError(b, err)
	require.NoError(b, l.Zip(b.Context(), layer+".zip", nil))
	require.NoError(b, l.Close())
	for name, path := range map[string]string{"folder": layer, "zip": layer + ".zip"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				results, err := All(Options{Runtime: "all", Layers: []string{path}})
				require.NoError(b, err)
				require.NotEmpty(b, results)
			}
		})
	}
}
