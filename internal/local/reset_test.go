//go:build linux

package local_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/local"
)

// An invocation fails, all is ended, and the next one finds everything anew.
func TestReset(t *testing.T) {
	t.Parallel()
	const once = `[[ -e /tmp/again ]] && loop; touch /tmp/again; `
	tests := []struct {
		name      string
		event     event
		timeout   time.Duration
		extension string // registers for both, and then
		errorType string
		message   string
		reason    string // what the other extension is told
	}{
		{name: "runtime crash", event: event{Do: "exit", Arg: "3"}, extension: `loop`,
			errorType: "Runtime.ExitError", message: "Runtime exited with error: exit status 3", reason: "failure"},
		{name: "timeout", event: event{Do: "hang"}, timeout: time.Second, extension: `loop`,
			errorType: "Sandbox.Timedout", message: "Task timed out after 1.00 seconds", reason: "timeout"},
		{name: "extension takes too long", event: event{Do: "hang"}, timeout: time.Second, extension: once + `next; exec sleep 1000`,
			errorType: "Sandbox.Timedout", message: "Task timed out after 1.00 seconds", reason: "timeout"},
		{name: "extension crash", event: event{Do: "hang"}, extension: once + `next; exit 9`,
			errorType: "Extension.Crash", message: "exit status 9", reason: "failure"},
		{name: "extension ends", event: event{Do: "hang"}, extension: once + `next; exit 0`,
			errorType: "Extension.Crash", message: "exit code 0", reason: "failure"},
		{name: "extension reports", event: event{Do: "hang"}, extension: once + `next; report exit My.Error; exit 1`,
			errorType: "Extension.ExitError", message: "exit status 1", reason: "failure"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			f := with(t, &o, map[string]string{"x": `register '"INVOKE","SHUTDOWN"'; ` + test.extension, "other": `register '"SHUTDOWN"'; echo "$id"; loop`})
			f.Timeout = max(test.timeout, time.Second)
			if test.timeout == 0 {
				f.Timeout = deadline
			}
			f.TmpSize = 1 << 20 // outlives the reset
			e := start(t, f)
			r := send(t, e, test.event)
			assert.Equal(t, test.errorType, r.ErrorType)
			assert.Equal(t, `{"errorType":"`+test.errorType+`","errorMessage":"RequestId: `+r.RequestID+` Error: `+test.message+`"}`, string(r.Body))
			assert.Equal(t, local.PhaseDown, e.Phase())
			assert.Equal(t, []string{test.reason}, shutdowns(o.lines("other")))
			requireGone(t, e.PID())
			if test.timeout != 0 {
				return // too short to start all again
			}
			before := e.PID()
			r = send(t, e, event{Do: "echo", Arg: "again"})
			assert.Equal(t, `"again"`, string(r.Body))
			assert.Positive(t, r.Init)
			assert.NotEqual(t, before, e.PID())
			lines := o.lines("other")
			require.Len(t, lines, 5)
			assert.NotEqual(t, lines[1], lines[4], "identifiers are new")
			r = send(t, e, event{Do: "echo", Arg: "and again"})
			assert.Zero(t, r.Init)
		})
	}
}

// What takes longer than the limit of the init is started again by the first
// invocation.
func TestInitTimeout(t *testing.T) {
	t.Parallel()
	var o outputs
	f := with(t, &o, map[string]string{"x": `[[ -e /tmp/again ]] || { touch /tmp/again; exec sleep 1000; }; ` + both})
	f.TmpSize = 1 << 20
	f.InitTimeout = 300 * time.Millisecond
	e := start(t, f)
	assert.Equal(t, local.PhaseDown, e.Phase())
	assert.GreaterOrEqual(t, e.InitDuration(), f.InitTimeout)
	r := send(t, e, event{Do: "echo", Arg: "1"})
	assert.Equal(t, `"1"`, string(r.Body))
	assert.Positive(t, r.Init)
	assert.Len(t, o.lines("x"), 2)
}

func TestSecondInitFails(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	f := bash(`[[ -e /tmp/again ]] || { touch /tmp/again; ` + bashClient + ` next; exit 3; }
		curl -sS -o /dev/null -d '{"errorType":"Function.Bad","errorMessage":"bad"}' -H 'Lambda-Runtime-Function-Error-Type: Function.Bad' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error"; exit 1`)
	f.TmpSize = 1 << 20
	e := start(t, f)
	for _, want := range []string{"Runtime.ExitError", "Function.Bad", "Function.Bad"} {
		r, err := e.Invoke(bounded(t), []byte(`{}`))
		require.NoError(t, err)
		assert.Equal(t, want, r.ErrorType)
		assert.Equal(t, local.PhaseDown, e.Phase())
		if want == "Function.Bad" {
			assert.JSONEq(t, `{"errorType":"Function.Bad","errorMessage":"bad"}`, string(r.Body))
		}
	}
}

// The order and the limits of a shutdown.
func TestShutdown(t *testing.T) {
	t.Parallel()
	const stubborn = bashClient + `trap 'echo terminated' TERM; curl -sS -o /dev/null "$api/invocation/next" & while :; do wait; done`
	const polite = bashClient + `trap 'echo terminated; exit 0' TERM; curl -sS -o /dev/null "$api/invocation/next" & wait`
	internal := func(script string) string {
		return `api=http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension
			id=$(curl -sS -D - -o /dev/null -H "Lambda-Extension-Name: in" -d '{}' "$api/register" | tr -d '\r' | sed -n 's/^Lambda-Extension-Identifier: //ip')
			curl -sS -o /dev/null -H "Lambda-Extension-Identifier: $id" "$api/event/next" &` + script
	}
	const deaf = `register '"SHUTDOWN"'; while :; do next; [[ $event == *SHUTDOWN* ]] && exec sleep 1000; done`
	tests := []struct {
		name       string
		runtime    string
		extensions map[string]string
		terminated bool
		told       []string
		from       time.Duration
	}{
		{"no extension", polite, nil, false, nil, 0},
		{"internal", internal(polite), nil, true, nil, 0},
		{"internal, stubborn", internal(stubborn), nil, true, nil, 150 * time.Millisecond},
		{"external", polite, map[string]string{"x": onlyShutdown}, true, []string{"spindown"}, 0},
		{"external, stubborn runtime", stubborn, map[string]string{"x": onlyShutdown}, true, []string{"spindown"}, 600 * time.Millisecond},
		{"external, deaf", polite, map[string]string{"x": deaf}, true, []string{"spindown"}, 2 * time.Second},
		{"not subscribed", polite, map[string]string{"x": nothing}, true, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var o outputs
			f := with(t, &o, test.extensions)
			var stdout buffer
			f.Command, f.Mounts, f.Stdout = []string{"/bin/bash", "-c", test.runtime}, nil, &stdout
			e, err := local.Start(bounded(t), f)
			require.NoError(t, err)
			before := time.Now()
			require.NoError(t, e.Stop(context.Background()))
			took := time.Since(before)
			assert.Equal(t, test.terminated, stdout.String() != "")
			assert.GreaterOrEqual(t, took, test.from)
			assert.Equal(t, test.told, shutdowns(o.lines("x")))
			requireGone(t, e.PID())
		})
	}
}

func TestStopInAHurry(t *testing.T) {
	t.Parallel()
	var o outputs
	e, err := local.Start(bounded(t), with(t, &o, map[string]string{"x": `register '"SHUTDOWN"'; next; exec sleep 1000`}))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := time.Now()
	require.NoError(t, e.Stop(ctx))
	assert.Less(t, time.Since(before), 2*time.Second)
}

func TestEarly(t *testing.T) {
	t.Parallel()
	var o outputs
	gate := t.TempDir() + "/gate"
	require.NoError(t, unix.Mkfifo(gate, 0o600))
	e := start(t, with(t, &o, map[string]string{"x": `register '"INVOKE"'; next; read <` + gate + `; loop`}))
	r := send(t, e, event{Do: "echo", Arg: "1"}, local.Early())
	assert.Equal(t, `"1"`, string(r.Body))
	assert.Positive(t, r.Answered)
	assert.Zero(t, r.Whole)
	assert.Equal(t, local.PhaseInvoking, e.Phase())
	require.NoError(t, os.WriteFile(gate, []byte("\n"), 0))
	r = send(t, e, event{Do: "echo", Arg: "2"})
	assert.Equal(t, `"2"`, string(r.Body))
	assert.GreaterOrEqual(t, r.Whole, r.Answered)
}
