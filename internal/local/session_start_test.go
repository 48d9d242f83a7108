//go:build linux

package local_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// scripts returns a function of these processes; no extension if it is "".
func scripts(t *testing.T, runtime, extension string) local.Function {
	dir := map[string]string{"bootstrap": runtime}
	if extension != "" {
		dir["extensions/ext"] = extension
	}
	layer := files(t, dir)
	for name := range dir {
		require.NoError(t, os.Chmod(filepath.Join(layer, name), 0o755))
	}
	return local.Function{
		Name: "greet", Handler: "app.handler", Layers: []string{layer},
		Command: []string{"/opt/bootstrap"}, Timeout: deadline, InitTimeout: -1,
	}
}

// ourSession is a session with this package.
func ourSession(t *testing.T, f local.Function) *session {
	ctx, cancel := context.WithCancel(bounded(t))
	s := newSession(t, ctx)
	f.Stdout = s
	f.ExtensionOutput = func(string) io.Writer { return s }
	var e *local.Environment
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		e, _ = local.Start(ctx, f)
	}()
	t.Cleanup(func() {
		cancel()
		if <-ready; e != nil {
			assert.NoError(t, e.Stop(ctx))
		}
	})
	s.invoke = func(payload string) string {
		if <-ready; e == nil {
			return "init failed"
		}
		r, err := e.Invoke(ctx, []byte(payload), local.Trace(sameTrace))
		if err != nil {
			return err.Error()
		}
		return string(r.Body)
	}
	return s
}

// theirSession is a session with AWS's emulator, which has this package's
// namespace around it, so that its /opt is not the machine's.
func theirSession(t *testing.T, bed *testbed.Bed, f local.Function) *session {
	ctx, cancel := context.WithCancel(bounded(t))
	s := newSession(t, ctx)
	rie := testbed.NeedEmulator(t, bed)
	f.Env = []string{"AWS_LAMBDA_FUNCTION_NAME=greet", "_HANDLER=app.handler", fmt.Sprintf("AWS_LAMBDA_FUNCTION_TIMEOUT=%.0f", f.Timeout.Seconds())}
	if f.InitType == local.ManagedInstances {
		// It looks for the runtime itself.
		f.Env = append(f.Env, fmt.Sprint("AWS_LAMBDA_MAX_CONCURRENCY=", f.Concurrency), "AWS_LAMBDA_INITIALIZATION_TYPE="+string(f.InitType))
		f.InitType, f.Concurrency = "", 0
	}
	f.Stdout = s
	f.Mounts = []local.Mount{{Source: rie.Program, Target: "/var/rie"}}
	f.Command = append(append([]string{"/var/rie"}, rie.Options()...), "/opt/bootstrap")
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = local.Run(ctx, f)
	}()
	t.Cleanup(func() { cancel(); <-over })
	s.invoke = func(payload string) string {
		answer, err := rie.Invoke(ctx, payload, http.Header{"X-Amzn-Trace-Id": {sameTrace}})
		if err != nil {
			return err.Error()
		}
		return answer
	}
	require.NoError(t, rie.Await(ctx))
	return s
}
