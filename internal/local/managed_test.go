//go:build linux

package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/local"
)

// managed returns f on Managed Instances.
func managed(f local.Function, concurrency int) local.Function {
	f.InitType, f.Concurrency = local.ManagedInstances, concurrency
	return f
}

// pipes makes named pipes and returns their paths.
func pipes(t *testing.T, n int) []string {
	dir := t.TempDir()
	paths := make([]string, n)
	for i := range paths {
		paths[i] = fmt.Sprintf("%s/%d", dir, i)
		require.NoError(t, unix.Mkfifo(paths[i], 0o600))
	}
	return paths
}

// goInvoke makes an invocation that may fail; the channel gets its response.
func goInvoke(t *testing.T, e *local.Environment, ev event) <-chan local.Response {
	payload, err := json.Marshal(ev)
	require.NoError(t, err)
	done := make(chan local.Response, 1)
	go func() {
		r, err := e.Invoke(bounded(t), payload)
		assert.NoError(t, err)
		done <- r
	}()
	return done
}

func TestManagedInstances(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	const n = 3
	stdout := make(lines, 100)
	f := managed(goFunction(t), n)
	f.Stdout = stdout
	f.Freeze = true // which is for others
	e := start(t, f)
	require.Equal(t, local.PhaseReady, e.Phase())
	gates := pipes(t, n)
	var all [n]<-chan local.Response
	for i, gate := range gates {
		all[i] = goInvoke(t, e, event{Do: "wait", Arg: gate})
	}
	// A pipe opens for writing once somebody reads it: all of them run at once.
	var open [n]*os.File
	for i, gate := range gates {
		var err error
		open[i], err = os.OpenFile(gate, os.O_WRONLY, 0)
		require.NoError(t, err)
	}
	assert.Equal(t, local.PhaseInvoking, e.Phase())
	// They are answered in another order than they came.
	for i := n - 1; i >= 0; i-- {
		_, err := open[i].WriteString(strconv.Itoa(i))
		require.NoError(t, err)
		require.NoError(t, open[i].Close())
		r := <-all[i]
		assert.Equal(t, strconv.Itoa(i), string(r.Body))
		assert.Equal(t, r.Whole, max(r.Whole, r.Duration, r.Answered))
	}
	// The second answer to each found none that waits.
	said := stdout.until(t, n, `{400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
	assert.Equal(t, n, strings.Count(said, `{202 {"status":"OK"}`))
}

// lines passes on what is written to it.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// until returns when the text has been written n times, with all up to there.
func (l lines) until(t *testing.T, n int, text string) string {
	ctx, all := bounded(t), ""
	for strings.Count(all, text) < n {
		select {
		case more := <-l:
			all += more
		case <-ctx.Done():
			require.FailNow(t, "not written: "+text, all)
		}
	}
	return all
}

func TestManagedInstancesVariables(t *testing.T) {
	t.Parallel()
	var o outputs
	f := managed(with(t, &o, map[string]string{"x": `env; ` + onlyShutdown}), 2)
	e := start(t, f)
	var variables []string
	require.NoError(t, json.Unmarshal(send(t, e, event{Do: "variables"}).Body, &variables))
	assert.Contains(t, variables, "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances")
	assert.Contains(t, variables, "AWS_LAMBDA_MAX_CONCURRENCY=2")
	require.NoError(t, e.Stop(context.Background()))
	assert.Contains(t, o.lines("x"), "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances")
	assert.NotContains(t, o.writer("x").(*buffer).String(), "AWS_LAMBDA_MAX_CONCURRENCY")
}

// A timeout is the caller's; the code goes on, and is told that it is late.
func TestManagedInstancesTimeout(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	stdout := make(lines, 100)
	f := managed(goFunction(t), 2)
	f.Stdout = stdout
	f.Timeout = 500 * time.Millisecond
	e := start(t, f)
	before, gate := e.PID(), pipes(t, 1)[0]
	r := send(t, e, event{Do: "wait", Arg: gate})
	assert.Equal(t, "Sandbox.Timedout", r.ErrorType)
	assert.Contains(t, string(r.Body), "Task timed out after 0.50 seconds")
	assert.Equal(t, local.PhaseReady, e.Phase())
	require.NoError(t, os.WriteFile(gate, []byte("1"), 0))
	said := stdout.until(t, 1, "InvalidRequestID")
	assert.Contains(t, said, `{410 {"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}`)
	assert.Contains(t, said, `{400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
	assert.Equal(t, before, e.PID())
}

// The end of a process ends the environment for good.
func TestManagedInstancesCrash(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"runtime": "Runtime.ExitError", "extension": "Extension.Crash"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			gate := pipes(t, 1)[0]
			f := managed(with(t, &o, map[string]string{"other": onlyShutdown, "x": `register '"SHUTDOWN"'; next & read <` + gate + `; exit 9`}), 4)
			e := start(t, f)
			var hangs []<-chan local.Response
			for _, gate := range pipes(t, 2) {
				hangs = append(hangs, goInvoke(t, e, event{Do: "wait", Arg: gate}))
				file, err := os.OpenFile(gate, os.O_WRONLY, 0) // which waits until it reads
				require.NoError(t, err)
				defer file.Close()
			}
			if name == "runtime" {
				assert.Equal(t, want, send(t, e, event{Do: "exit", Arg: "3"}).ErrorType)
			} else {
				send(t, e, event{Do: "echo"})
				require.NoError(t, os.WriteFile(gate, []byte("\n"), 0))
			}
			for _, hang := range hangs {
				assert.Equal(t, want, (<-hang).ErrorType)
			}
			_, err := e.Invoke(bounded(t), []byte(`{}`))
			assert.ErrorIs(t, err, local.ErrNotRunning)
			assert.ErrorContains(t, err, want)
			require.NoError(t, e.Stop(context.Background()))
			assert.Equal(t, []string{"failure"}, shutdowns(o.lines("other")))
			requireGone(t, e.PID())
		})
	}
}

// It is ended even if nobody invokes it.
func TestManagedInstancesCrashWhenIdle(t *testing.T) {
	t.Parallel()
	gate, said := pipes(t, 1)[0], make(lines, 100)
	f := managed(with(t, &outputs{}, map[string]string{"other": onlyShutdown, "x": `register '"SHUTDOWN"'; next & read <` + gate + `; exit 0`}), 4)
	f.ExtensionOutput = func(string) io.Writer { return said }
	start(t, f)
	require.NoError(t, os.WriteFile(gate, []byte("\n"), 0))
	said.until(t, 1, `"shutdownReason":"failure"`)
}

// Extensions get no INVOKE there.
func TestManagedInstancesRegister(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	f := managed(scripts(t, sleeper, sleeper), 1)
	s := ourSession(t, f)
	s.begin(`{}`)
	const register, name = "/2020-01-01/extension/register", "Lambda-Extension-Name"
	s.step("invoke", "POST", register, `{"events":["INVOKE"]}`, name, "ext")
	s.step("both", "POST", register, `{"events":["SHUTDOWN","INVOKE"]}`, name, "ext")
	s.step("internal", "POST", register, `{"events":["SHUTDOWN"]}`, name, "in")
	s.step("internal, nothing", "POST", register, `{}`, name, "in")
	s.step("shutdown", "POST", register, `{"events":["SHUTDOWN"]}`, name, "ext")
	for _, refused := range []string{"invoke", "both"} {
		assert.Equal(t, 403, s.got[refused].Status)
		assert.JSONEq(t, `{"errorType":"Extension.InvalidEventType","errorMessage":"INVOKE: ErrorInvalidEventType"}`, s.got[refused].Body)
	}
	assert.Equal(t, 403, s.got["internal"].Status)
	assert.JSONEq(t, `{"errorType":"Extension.InvalidEventType","errorMessage":"No events allowed for internal extensions"}`, s.got["internal"].Body)
	assert.Equal(t, 200, s.got["internal, nothing"].Status)
	assert.Equal(t, 200, s.got["shutdown"].Status)
}

// Many invocations at once, of which some crash and some take too long, and a
// Stop in the middle: each gets an answer or ErrNotRunning, of every type.
func TestInvokeStress(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	for _, initType := range []local.InitType{local.OnDemand, local.ProvisionedConcurrency, local.SnapStart, local.ManagedInstances} {
		t.Run(string(initType), func(t *testing.T) {
			t.Parallel()
			f := goFunction(t)
			f.InitType, f.Freeze = initType, true
			if initType == local.ManagedInstances {
				f.Concurrency = 8
			}
			f.Timeout = 300 * time.Millisecond
			e := start(t, f)
			var all sync.WaitGroup
			half := make(chan struct{}, 50)
			for i := range 50 {
				ev := event{Do: "echo", Arg: strconv.Itoa(i)}
				switch {
				case i%10 == 3:
					ev = event{Do: "hang"}
				case i%10 == 7 && initType != local.ManagedInstances || i == 49:
					ev = event{Do: "exit", Arg: "1"}
				}
				payload, err := json.Marshal(ev)
				require.NoError(t, err)
				all.Go(func() {
					r, err := e.Invoke(bounded(t), payload)
					half <- struct{}{}
					switch {
					case errors.Is(err, local.ErrNotRunning):
					case assert.NoError(t, err) && r.ErrorType == "":
						assert.Equal(t, strconv.Quote(ev.Arg), string(r.Body))
					default:
						assert.Contains(t, []string{"Sandbox.Timedout", "Runtime.ExitError"}, r.ErrorType)
					}
				})
			}
			for range 25 {
				<-half
			}
			require.NoError(t, e.Stop(context.Background()))
			all.Wait()
			assert.Equal(t, local.PhaseStopped, e.Phase())
			requireGone(t, e.PID())
		})
	}
}
