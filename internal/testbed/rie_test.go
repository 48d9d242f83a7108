package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRIE has AWS's emulator run a function on one of the runtimes. It takes
// its ports by number, so another process may be faster: then both are others.
func TestRIE(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	rie, err := b.RIE(t.Context())
	NeedErr(t, err)
	rt := Need(t, b, "nodejs22")
	NeedErr(t, namespaces())
	task := t.TempDir()
	f := functions["nodejs"]
	require.NoError(t, os.WriteFile(filepath.Join(task, f.file), []byte(f.source), 0o644))
	line := namespaced(t.TempDir(), append(rt.Mounts[:2:2], Mount{task, "/var/task"}), rt.Command(f.handler)...)
	line = append(line, f.handler) // becomes _HANDLER; the client reads no argument

	var body []byte
	for try := 1; ; try++ {
		body, err = emulate(t, rie, line, rt.Env)
		if err == nil {
			break
		}
		if try == 3 {
			t.Fatal(err)
		}
		t.Log(err)
	}
	var answer struct {
		Event   struct{ N int }
		Version string
	}
	require.NoError(t, json.Unmarshal(body, &answer), string(body))
	assert.Equal(t, 7, answer.Event.N)
	assert.Equal(t, rt.Version, answer.Version)
}

// emulate starts line under the emulator, invokes it once and ends it.
func emulate(t *testing.T, rie string, line, env []string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	invokes := "127.0.0.1:" + FreePort(t)
	cmd := exec.CommandContext(ctx, rie, append([]string{
		"--runtime-interface-emulator-address", invokes,
		"--runtime-api-address", "127.0.0.1:" + FreePort(t)}, line...)...)
	cmd.Env = append(slices.Clone(env), "LAMBDA_TASK_ROOT=/var/task", "AWS_LAMBDA_LOG_GROUP_NAME=g", "AWS_LAMBDA_LOG_STREAM_NAME=s")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	// The emulator starts the function in a group of its own, and ends it when
	// it is interrupted itself.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()

	body, err := firstAnswer(ctx, ended, "http://"+invokes+"/2015-03-31/functions/function/invocations")
	cancel()
	<-ended
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, log.String())
	}
	return body, nil
}

// firstAnswer posts an event to url until somebody listens there.
func firstAnswer(ctx context.Context, ended <-chan struct{}, url string) ([]byte, error) {
	tick := time.NewTicker(waitStep)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"n":7}`))
		if err != nil {
			return nil, err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			defer res.Body.Close()
			return io.ReadAll(res.Body)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ended:
			return nil, errors.New("the emulator ended")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
