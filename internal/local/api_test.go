//go:build linux

package local_test

import (
	"context"
	"encoding/json"
	"net/http"
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

const (
	limit      = 6<<20 + 100
	noTwice    = `{"errorMessage":"State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`
	noThird    = `{"errorMessage":"State transition from RuntimeResponseSentState to InvocationErrorResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`
	noInit     = `{"errorMessage":"State transition from Running to InitError failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}` + "\n"
	noSuchID   = `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}` + "\n"
	noMode     = `{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}`
	noSize     = `{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`
	noEnd      = `{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}`
	sizeResult = `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`
)

// goFunction is a function whose runtime is this binary.
func goFunction(t *testing.T) local.Function {
	binary, err := os.Executable()
	require.NoError(t, err)
	return local.Function{
		Name:    "greet",
		Command: []string{"/var/runtime/bootstrap"},
		Mounts:  []local.Mount{{Source: binary, Target: "/var/runtime/bootstrap"}},
		Timeout: deadline,
	}
}

func send(t *testing.T, e *local.Environment, ev event, options ...local.InvokeOption) local.Response {
	t.Helper()
	payload, err := json.Marshal(ev)
	require.NoError(t, err)
	r, err := e.Invoke(bounded(t), payload, options...)
	require.NoError(t, err)
	return r
}

// Each case is one invocation of the same environment, so that it is shown too
// that none of them spoils the next.
func TestRuntimeAPI(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	result := func(status int, body string) string {
		b, err := json.Marshal(answer{status, body})
		require.NoError(t, err)
		return string(b)
	}
	tests := []struct {
		event     event
		body      string // <id> stands for the request id
		errorType string
		stdout    string // contains
	}{
		{event: event{Do: "echo", Arg: "hello"}, body: `"hello"`},
		{event: event{Do: "error", Arg: "Function.Sad"}, body: `{"errorMessage":"no"}`, errorType: "Function.Sad"},
		{event: event{Do: "error", Arg: "Runtime.Sad"}, body: `{"errorMessage":"no"}`, errorType: "Runtime.Sad"},
		{event: event{Do: "error", Arg: "Function.so-sad"}, body: `{"errorMessage":"no"}`, errorType: "Function.Unknown"},
		{event: event{Do: "error", Arg: "Unhandled"}, body: `{"errorMessage":"no"}`, errorType: "Runtime.Unknown"},
		{event: event{Do: "large", Size: limit}, body: strings.Repeat("\x00", limit), stdout: `{"status":"OK"}`},
		{event: event{Do: "large", Size: limit + 1}, body: sizeResult, errorType: "Function.ResponseSizeTooLarge", stdout: noSize},
		{event: event{Do: "large", Size: 3 * limit}, body: sizeResult, errorType: "Function.ResponseSizeTooLarge", stdout: noSize},
		{event: event{Do: "large error", Size: limit + 1}, body: sizeResult, errorType: "Function.ResponseSizeTooLarge", stdout: noSize},
		{event: event{Do: "second"}, body: `"first"`, stdout: noTwice + "\n\n" + noThird},
		{event: event{Do: "stream", Size: 3}, body: "piece 0\npiece 1\npiece 2\n"},
		{event: event{Do: "stream", Size: 20000}, body: pieces(20000)},
		{event: event{Do: "broken stream", Arg: `{"errorType":"Broken"}`}, body: "half", errorType: "Function.Broken"},
		{event: event{Do: "mode", Arg: "buffered"}, errorType: "Runtime.InvalidResponseModeHeader", stdout: noMode,
			body: `{"errorType":"Runtime.InvalidResponseModeHeader","errorMessage":"RequestId: <id> Error: Invalid function response mode"}`},
		{event: event{Do: "truncated"}, errorType: "Runtime.TruncatedResponse", stdout: noEnd,
			body: `{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: <id> Error: Response truncated"}`},
		{event: event{Do: "request", Arg: "POST /runtime/invocation/00000000-0000-4000-8000-000000000000/response"}, body: result(400, noSuchID)},
		{event: event{Do: "request", Arg: "POST /runtime/invocation/x/error"}, body: result(400, noSuchID)},
		{event: event{Do: "request", Arg: "GET /runtime/invocation/next"}, body: result(200, `{"Do":"request","Arg":"GET /runtime/invocation/next","Size":0}`)},
		{event: event{Do: "request", Arg: "POST /runtime/init/error"}, body: result(403, noInit)},
		{event: event{Do: "request", Arg: "GET /ping"}, body: result(200, "pong")},
		{event: event{Do: "request", Arg: "POST /ping"}, body: result(405, "")},
		{event: event{Do: "request", Arg: "GET /runtime/restore/next"}, body: result(404, "404 page not found\n")},
	}
	var stdout, stderr buffer
	f := goFunction(t)
	f.Stdout, f.Stderr = &stdout, &stderr
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	for _, test := range tests {
		r := send(t, e, test.event)
		name := test.event.Do + " " + test.event.Arg
		assert.Equal(t, test.errorType, r.ErrorType, name)
		assert.Equal(t, test.errorType != "", r.FunctionError == "Unhandled", name)
		if want := strings.ReplaceAll(test.body, "<id>", r.RequestID); want != string(r.Body) {
			assert.Failf(t, name, "want %.300q, got %.300q", want, r.Body)
		}
		if test.event.Do == "broken stream" {
			assert.JSONEq(t, test.event.Arg, string(r.StreamError))
		}
	}
	require.NoError(t, e.Stop(context.Background()))
	for _, test := range tests {
		assert.Contains(t, stdout.String(), test.stdout)
	}
	assert.Empty(t, stderr.String())
}

func pieces(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("piece " + strconv.Itoa(i) + "\n")
	}
	return b.String()
}

func TestNextHeaders(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	f := goFunction(t)
	f.Env = []string{"AWS_REGION=eu-central-1"}
	e := start(t, f)
	before := time.Now()
	var ids []string
	for _, options := range [][]local.InvokeOption{nil, {local.Trace("Root=1-2-3;Sampled=0"), local.ClientContext(`{"a":1}`)}} {
		r := send(t, e, event{Do: "header"}, options...)
		var header http.Header
		require.NoError(t, json.Unmarshal(r.Body, &header))
		assert.Equal(t, "application/json", header.Get("Content-Type"))
		assert.Equal(t, r.RequestID, header.Get("Lambda-Runtime-Aws-Request-Id"))
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, r.RequestID)
		assert.Equal(t, "arn:aws:lambda:eu-central-1:012345678912:function:greet", header.Get("Lambda-Runtime-Invoked-Function-Arn"))
		assert.Equal(t, r.TraceHeader, header.Get("Lambda-Runtime-Trace-Id"))
		ms, err := strconv.ParseInt(header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, ms, before.Add(deadline).UnixMilli())
		assert.LessOrEqual(t, ms, time.Now().Add(deadline).UnixMilli())
		assert.Positive(t, r.Duration)
		if options == nil {
			assert.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1$`, r.TraceHeader)
			assert.NotContains(t, header, "Lambda-Runtime-Client-Context")
		} else {
			assert.Equal(t, `{"a":1}`, header.Get("Lambda-Runtime-Client-Context"))
			assert.Equal(t, "Root=1-2-3;Sampled=0", r.TraceHeader)
		}
		ids = append(ids, r.RequestID)
	}
	assert.NotEqual(t, ids[0], ids[1])
}

func TestFunctionEndsInInvocation(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	tests := []struct {
		name      string
		event     event
		timeout   time.Duration
		body      string
		errorType string
	}{
		{"exit 3", event{Do: "exit", Arg: "3"}, deadline,
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited with error: exit status 3"}`, "Runtime.ExitError"},
		{"exit 0", event{Do: "exit", Arg: "0"}, deadline,
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited without providing a reason"}`, "Runtime.ExitError"},
		{"killed", event{Do: "kill"}, deadline,
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited with error: signal: killed"}`, "Runtime.ExitError"},
		{"timeout", event{Do: "hang"}, 250 * time.Millisecond,
			`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: <id> Error: Task timed out after 0.25 seconds"}`, "Sandbox.Timedout"},
		{"answer, then exit", event{Do: "respond and exit", Arg: "bye"}, deadline, `"bye"`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := goFunction(t)
			f.Timeout = test.timeout
			e := start(t, f)
			r := send(t, e, test.event)
			assert.Equal(t, strings.ReplaceAll(test.body, "<id>", r.RequestID), string(r.Body))
			assert.Equal(t, test.errorType, r.ErrorType)
			assert.Equal(t, local.PhaseDown, e.Phase())
			before := e.PID()
			requireGone(t, before)

			// The next invocation starts it anew.
			if test.timeout == deadline {
				again := send(t, e, event{Do: "echo", Arg: "again"})
				assert.Equal(t, `"again"`, string(again.Body))
				assert.Positive(t, again.Init)
				assert.NotEqual(t, before, e.PID())
			}
			assert.NoError(t, e.Stop(context.Background()))
			requireGone(t, e.PID())
			_, err := e.Invoke(bounded(t), []byte("{}"))
			assert.ErrorIs(t, err, local.ErrNotRunning)
		})
	}
}

func TestInvokeOneAtATime(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	e := start(t, goFunction(t))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			payload, err := json.Marshal(event{Do: "echo", Arg: strconv.Itoa(i)})
			assert.NoError(t, err)
			r, err := e.Invoke(bounded(t), payload)
			assert.NoError(t, err)
			assert.Equal(t, strconv.Quote(strconv.Itoa(i)), string(r.Body))
		})
	}
	all.Wait()
}

// started is a writer that tells of its first write.
type started chan struct{}

func (s started) Write(p []byte) (int, error) {
	select {
	case s <- struct{}{}:
	default:
	}
	return len(p), nil
}

func TestInvokeContext(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	running := make(started, 1)
	gate := t.TempDir() + "/gate"
	require.NoError(t, unix.Mkfifo(gate, 0o600))
	f := bash(bashClient + `
		next; echo running; read -r text <` + gate + `; answer "$text"
		while next; do answer "$event"; done`)
	f.Stdout = running
	e := start(t, f)
	ctx, cancel := context.WithCancel(bounded(t))
	go func() { <-running; cancel() }()
	_, err := e.Invoke(ctx, []byte(`1`))
	require.ErrorIs(t, err, context.Canceled)

	_, err = e.Invoke(ctx, []byte(`2`))
	require.ErrorIs(t, err, context.Canceled, "the environment is still busy")

	require.NoError(t, os.WriteFile(gate, []byte("late\n"), 0))
	r, err := e.Invoke(bounded(t), []byte(`3`))
	require.NoError(t, err)
	assert.Equal(t, "3", string(r.Body))
}

func TestInvokePayloadTooLarge(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	e := start(t, goFunction(t))
	_, err := e.Invoke(bounded(t), make([]byte, limit+1))
	assert.EqualError(t, err, "payload: 6291557 bytes, 6291556 are allowed")
}

func TestStopDuringInvocation(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	running := make(started, 1)
	f := bash(bashClient + `next; echo running; exec sleep 1000`)
	f.Stdout = running
	e := start(t, f)
	go func() { <-running; assert.NoError(t, e.Stop(context.Background())) }()
	_, err := e.Invoke(bounded(t), []byte(`{}`))
	assert.ErrorIs(t, err, local.ErrNotRunning)
}
