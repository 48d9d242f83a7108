package layers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

func TestMain(m *testing.M) {
	local.Main()
	os.Exit(m.Run())
}

// A runnerAnswer is what the function of testdata/runner.txtar returns.
type runnerAnswer struct {
	Order            []string
	Boto3, Child     string
	PythonPath, Mark *string
}

// TestRunner runs the Python runner in every Python there is, as the managed
// runtime starts it.
func TestRunner(t *testing.T) {
	bed, err := testbed.Open()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	files, err := txtar.ParseFile("testdata/runner.txtar")
	require.NoError(t, err)
	for _, f := range files.Files {
		file := filepath.Join(dir, f.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, f.Data, 0o644))
	}
	opt := filepath.Join(dir, "opt")
	require.NoError(t, layers.WriteBase(opt))
	require.NoError(t, layers.BuildProgram(t.Context(), "wrapper", runtime.GOARCH, filepath.Join(opt, "graft")))

	for _, name := range bed.Names() {
		if !strings.HasPrefix(name, "python") || strings.HasSuffix(name, "-image") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			rt := testbed.Need(t, bed, name)
			invoke := func(t *testing.T, env ...string) (runnerAnswer, string) {
				var stderr bytes.Buffer
				f := local.Function{
					Name: "runner", Handler: "app.handler", Command: rt.Command("app.handler"), Managed: true,
					Env:    append(append([]string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/graft"}, rt.Env...), env...),
					Layers: []string{opt}, Code: filepath.Join(dir, "task"), Timeout: 20 * time.Second,
					Stdout: &stderr, Stderr: &stderr,
				}
				for _, m := range rt.Mounts {
					f.Mounts = append(f.Mounts, local.Mount(m))
				}
				f.Mounts = append(f.Mounts,
					local.Mount{Source: filepath.Join(dir, "runtime/boto3.py"), Target: "/var/runtime/boto3.py"},
					local.Mount{Source: filepath.Join(dir, "owner"), Target: "/srv/owner"})
				e, err := local.Start(t.Context(), f)
				if err != nil { // and only then: what runs may still write
					t.Fatalf("%v\n%s", err, stderr.String())
				}
				defer e.Stop(context.WithoutCancel(t.Context()))
				response, err := e.Invoke(t.Context(), []byte("{}"))
				require.NoError(t, err)
				require.Empty(t, response.FunctionError, string(response.Body))
				require.NoError(t, e.Stop(t.Context()))
				var answer runnerAnswer
				require.NoError(t, json.Unmarshal(response.Body, &answer))
				return answer, stderr.String()
			}

			untouched, _ := invoke(t, "GRAFT_DISABLE=1")
			require.Empty(t, untouched.Order)
			untouched.Order = nil

			answer, out := invoke(t)
			assert.Equal(t, []string{"fine", "exits", "imports", "handler"}, answer.Order)
			assert.Equal(t, "layer", answer.Boto3)
			answer.Order = nil
			assert.Equal(t, untouched, answer, "all else is as without graft")
			assert.Contains(t, out, "graft: python: /opt/exits/sitecustomize.py: SystemExit")
			assert.Contains(t, out, "graft: python: /opt/broken/sitecustomize.py: SyntaxError")
			assert.NotContains(t, out, "hunter2")

			answer, _ = invoke(t, "PYTHONPATH=/srv/owner")
			assert.Equal(t, []string{"owner", "fine", "exits", "imports", "handler"}, answer.Order)
			assert.Nil(t, answer.Mark)
			require.NotNil(t, answer.PythonPath, "an owner's PYTHONPATH stays")
			assert.Equal(t, "/opt/graft-python:/srv/owner:/opt/fine:/opt/exits:/opt/imports:/opt/imports-lib:/opt/broken:/opt/handler:/var/task",
				*answer.PythonPath)
		})
	}
}
