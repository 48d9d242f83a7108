package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRIE has AWS's emulator run a function on one of the runtimes.
func TestRIE(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	e := NeedEmulator(t, b)
	rt := Need(t, b, "nodejs22")
	NeedErr(t, namespaces())
	task := t.TempDir()
	f := functions["nodejs"]
	require.NoError(t, os.WriteFile(filepath.Join(task, f.file), []byte(f.source), 0o644))
	line := namespaced(t.TempDir(), append(rt.Mounts[:2:2], Mount{task, "/var/task"}), rt.Command(f.handler)...)
	line = append(line, f.handler) // becomes _HANDLER; the client reads no argument

	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.Program, append(e.Options(), line...)...)
	cmd.Env = append(slices.Clone(rt.Env), "LAMBDA_TASK_ROOT=/var/task", "AWS_LAMBDA_LOG_GROUP_NAME=g", "AWS_LAMBDA_LOG_STREAM_NAME=s")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	// The emulator starts the function in a group of its own, and ends it when
	// it is interrupted itself.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	require.NoError(t, cmd.Start())
	answer, err := e.Invoke(ctx, `{"n":7}`, nil)
	cancel()
	_ = cmd.Wait()
	require.NoError(t, err, log.String())
	var got struct {
		Event   struct{ N int }
		Version string
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &got), answer)
	assert.Equal(t, 7, got.Event.N)
	assert.Equal(t, rt.Version, got.Version)
}
