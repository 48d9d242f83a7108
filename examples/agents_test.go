package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// built has the layers and functions that several tests run: each is built once.
var built string

func TestMain(m *testing.M) {
	local.Main()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if built, err = openDir(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(built)
	return m.Run()
}

// openDir makes a folder that any user may look into, which those of TempDir
// are not: a function may run as another user.
func openDir() (string, error) {
	dir, err := os.MkdirTemp("", "graft-examples-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// newKit returns a kit whose own folder goes with the test, and which shares what
// is built with all others. A test that changes a layer empties the kit's built,
// so that it has one to itself.
func newKit(t *testing.T) *kit {
	bed, err := testbed.Open()
	require.NoError(t, err)
	dir, err := openDir()
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &kit{bed: bed, dir: dir, built: built, log: t.Output()}
}

func exampleIn(t *testing.T, dir string) example {
	ex, err := named(dir)
	require.NoError(t, err)
	return ex
}

// try runs a function of which everything must go well.
func try(t *testing.T, k *kit, ex example, rt testbed.Runtime, env ...string) trial {
	tr, err := k.try(t.Context(), ex, rt, env...)
	testbed.NeedErr(t, err)
	require.NoError(t, err, tr.log)
	require.Len(t, tr.figures.invocations, invocations, tr.companion)
	assert.Positive(t, tr.figures.init)
	assert.Positive(t, tr.figures.memory)
	return tr
}

// count counts the spans of one vendor that stand for an invocation.
func (tr trial) count(vendor string) (n int) {
	for _, s := range tr.spans {
		if s.Vendor == vendor && standsForInvocation(s) {
			n++
		}
	}
	return n
}

// shapes returns the functions of a testdata file: name to folder and handler.
func shapes(t *testing.T, dir, file string) map[string]example {
	archive, err := txtar.ParseFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	all := make(map[string]example)
	for _, f := range archive.Files {
		name, rest, _ := strings.Cut(f.Name, "/")
		if rest == "handler" {
			all[name] = example{handler: strings.TrimSpace(string(f.Data)), code: filepath.Join(dir, name)}
			continue
		}
		path := filepath.Join(dir, f.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, f.Data, 0o644))
	}
	return all
}

// TestShapes runs unmodified handlers of every shape on every version of the
// runtime: OpenTelemetry exports exactly one span for each invocation, alone
// and beside another vendor's agent in the same process, which exports its own.
func TestShapes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ dir, file, other, vendor string }{
		{"nodejs", "nodejs.txtar", "datadog", "datadog"},
		{"python", "python.txtar", "elastic", "elastic"},
	} {
		k := newKit(t)
		functions := shapes(t, filepath.Join(k.dir, "shapes", test.dir), test.file)
		for _, name := range k.bed.Names() {
			if !strings.HasPrefix(name, test.dir) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				rt := testbed.Need(t, k.bed, name)
				for shape, fn := range functions {
					ex := exampleIn(t, test.dir)
					ex.handler, ex.code = fn.handler, fn.code
					t.Run(shape, func(t *testing.T) {
						t.Parallel()
						tr := try(t, k, ex, rt)
						assert.Equal(t, invocations, tr.count("otlp"), tr.log)
						assert.Equal(t, invocations, tr.count(test.vendor), tr.log)
					})
					t.Run(shape+"_alone", func(t *testing.T) {
						t.Parallel()
						tr := try(t, k, ex, rt, "GRAFT_DISABLE="+test.other)
						want := invocations
						if test.dir == "python" && strings.Contains(ex.handler, "/") {
							// OpenTelemetry's own limit, with or without graft:
							// open-telemetry/opentelemetry-lambda issue 254.
							want = 0
						}
						assert.Equal(t, want, tr.count("otlp"), tr.log)
						assert.Zero(t, tr.count(test.vendor), tr.log)
					})
				}
			})
		}
	}
}

// TestJava runs an unmodified handler on every JVM with two vendors' agents,
// and with OpenTelemetry's alone.
func TestJava(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for _, name := range k.bed.Names() {
		if !strings.HasPrefix(name, "java") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := testbed.Need(t, k.bed, name)
			ex := exampleIn(t, "java")
			if agent, _ := leftOut(rt); agent == "" {
				tr := try(t, k, ex, rt)
				assert.Equal(t, invocations, tr.count("otlp"), tr.log)
				assert.Equal(t, invocations, tr.count("elastic"), tr.log)
			}
			tr := try(t, k, ex, rt, "GRAFT_DISABLE=elastic")
			assert.Equal(t, invocations, tr.count("otlp"), tr.log)
			assert.Zero(t, tr.count("elastic"), tr.log)
		})
	}
}

// TestHooks runs the examples whose agents are small hooks of their own: each
// leaves a line, in order.
func TestHooks(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for _, name := range k.bed.Names() {
		if !strings.HasPrefix(name, "dotnet") && !strings.HasPrefix(name, "ruby") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := testbed.Need(t, k.bed, name)
			tr := try(t, k, exampleIn(t, rt.Language), rt)
			assert.Regexp(t, `(?s)start-time: .*crash-report: `, tr.log)
		})
	}
}

// TestCustom runs the custom runtimes, whose bootstrap calls graft itself.
func TestCustom(t *testing.T) {
	k := newKit(t)
	rt := testbed.Need(t, k.bed, "provided")
	for _, ex := range examplesFor(rt) {
		t.Run(ex.dir, func(t *testing.T) {
			tr := try(t, k, ex, rt)
			assert.Contains(t, string(tr.responses[0].Body), "service.namespace=example,deployment.environment.name=demo")
			assert.Equal(t, 1, strings.Count(tr.log, "graft: "), tr.log)
		})
	}
}

// TestAnyProgram runs programs that know nothing of Lambda beside a function
// that needs all of them.
func TestAnyProgram(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "python3"} {
		testbed.NeedTool(t, tool)
	}
	const want = `{"greeting": "hello from a plain HTTP server", "settings": {"colour": "blue"}, "rates": {"EUR": 1, "USD": 1.16}, "event": {}}`
	for _, companion := range []layers.Companion{layers.External, layers.Forked} {
		t.Run(string(companion), func(t *testing.T) {
			k := newKit(t)
			k.built = "" // the fragments get another port
			k.companion = companion
			recv, err := receiver.New()
			require.NoError(t, err)
			defer recv.Close()
			f, err := k.function(t.Context(), exampleIn(t, "any-program"), testbed.Need(t, k.bed, "python3.13"), recv)
			testbed.NeedErr(t, err)
			var log transcript
			f.Stdout, f.Stderr, f.ExtensionOutput = &log, &log, func(string) io.Writer { return &log }
			env, err := local.Start(t.Context(), f)
			require.NoError(t, err, &log)
			defer env.Stop(context.WithoutCancel(t.Context()))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			answer, err := env.Invoke(ctx, []byte(`{}`))
			// The gates of a forked companion are open after 0.8 s, ready or not.
			for companion == layers.Forked && err == nil && answer.FunctionError != "" {
				answer, err = env.Invoke(ctx, []byte(`{}`))
			}
			require.NoError(t, err, &log)
			assert.JSONEq(t, want, string(answer.Body), &log)
			assert.Contains(t, log.String(), "greeter: ", "what a program prints")
			if companion == layers.External {
				assert.NotContains(t, log.String(), "graft-companion: ")
			}
		})
	}
}

// TestRun runs the demo on what every machine has, and asks it for what there
// is not.
func TestRun(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"provided"}, false, &stdout, &stderr), stdout.String())
	assert.Contains(t, stdout.String(), "3 functions answered 2 invocations each")
	assert.NotContains(t, stdout.String(), "failed")
	assert.NotContains(t, stderr.String(), "fetch", "the bash function takes nothing to fetch")
	assert.ErrorContains(t, run(t.Context(), []string{"cobol"}, false, &stdout, &stderr), "cobol")
	assert.ErrorContains(t, onlyLayer(t.Context(), "nodejs", "amd64", "", &stderr), "-into DIR")
}

// TestRunNothing asks by name for a runtime that this machine cannot have:
// that no function answered must not look like success.
func TestRunNothing(t *testing.T) {
	t.Setenv("GRAFT_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"nodejs18"}, false, &stdout, &stderr)
	require.ErrorIs(t, err, testbed.ErrUnavailable)
	assert.ErrorContains(t, err, "nodejs18: ")
	assert.NotContains(t, stdout.String(), "answered")
}
