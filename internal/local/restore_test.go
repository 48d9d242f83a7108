//go:build linux

package local_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/graft-lambda/graft/internal/testbed"
)

// bashRestore are the calls for a restore as shell functions.
const bashRestore = bashClient + `
	restore() { curl -sS -w '%{http_code}' "$api/restore/next"; }
	refuse() { curl -sS -H "Lambda-Runtime-Function-Error-Type: $1" -d "$2" "$api/restore/error"; }
	serve() { while next; do answer "{\"got\":$event}"; done; }
`

// snapStart returns a snap-start function with the runtime and the extensions.
func snapStart(t *testing.T, o *outputs, runtime string, extensions map[string]string) local.Function {
	f := with(t, o, extensions)
	f.Command, f.Mounts = []string{"/bin/bash", "-c", bashRestore + runtime}, nil
	f.InitType = local.SnapStart
	f.RestoreTimeout = deadline
	return f
}

func TestRestore(t *testing.T) {
	t.Parallel()
	for name, runtime := range map[string]string{
		"asks for it":   `echo init; restore; echo; echo restored; serve`,
		"does not know": `echo init; serve`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			f := snapStart(t, &o, runtime, map[string]string{"x": `echo $$; ` + both})
			f.Stdout, f.Freeze = o.writer("runtime"), true
			e := start(t, f)
			assert.Equal(t, local.PhaseSnapshotted, e.Phase())
			assert.True(t, frozen(t, e.PID()))
			assert.Equal(t, []string{"init"}, o.lines("runtime"))
			require.NoError(t, e.Restore(bounded(t)))
			assert.Positive(t, e.RestoreDuration())
			assert.Equal(t, local.PhaseFrozen, e.Phase())
			require.NoError(t, e.Restore(bounded(t)), "once is enough")
			for range 2 {
				r, err := e.Invoke(bounded(t), []byte(`1`))
				require.NoError(t, err)
				assert.Equal(t, `{"got":1}`, string(r.Body))
				assert.Zero(t, r.Init)
				assert.Zero(t, r.Restore)
			}
			require.NoError(t, e.Stop(context.Background()))
			if name == "asks for it" {
				assert.Equal(t, []string{"init", "200", "restored"}, o.lines("runtime"))
			}
			// No event tells the extension of the restore.
			lines := o.lines("x")[2:]
			require.Len(t, lines, 3)
			assert.Contains(t, lines[0], `"INVOKE"`)
			assert.Contains(t, lines[1], `"INVOKE"`)
			assert.Equal(t, []string{"spindown"}, shutdowns(lines))
		})
	}
}

// The first invocation restores what nobody has restored before; so does one
// after a reset.
func TestRestoreByInvoke(t *testing.T) {
	t.Parallel()
	var o outputs
	f := snapStart(t, &o, `restore; next; answer 1; next; exit 1`, nil)
	e := start(t, f)
	for range 2 {
		r, err := e.Invoke(bounded(t), []byte(`{}`))
		require.NoError(t, err)
		assert.Equal(t, "1", string(r.Body))
		assert.Equal(t, r.Init == 0, r.Restore != 0)
		assert.Equal(t, local.PhaseReady, e.Phase())
		r, err = e.Invoke(bounded(t), []byte(`{}`))
		require.NoError(t, err)
		assert.Equal(t, "Runtime.ExitError", r.ErrorType)
		assert.Equal(t, local.PhaseDown, e.Phase())
	}
}

func TestRestoreFails(t *testing.T) {
	t.Parallel()
	body := `{"errorType":"HookError","errorMessage":"no database"}`
	tests := []struct {
		name, runtime string
		timeout       time.Duration
		want          local.RestoreError
	}{
		{"reported", `restore; refuse Runtime.AfterRestoreError '` + body + `'; exit 65`, deadline,
			local.RestoreError{Name: "SnapStartException", Type: "Runtime.AfterRestoreError", Message: "no database", Body: []byte(body)}},
		{"exits", `restore; exit 3`, deadline,
			local.RestoreError{Name: "SnapStartException", Type: "Runtime.ExitError", Message: "Runtime exited with error: exit status 3"}},
		{"takes too long", `restore; exec sleep 1000`, 300 * time.Millisecond,
			local.RestoreError{Name: "SnapStartTimeoutException", Type: "Runtime.RestoreHookUserTimeout", Message: "restore took longer than 300ms"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			const first = `[[ -e /tmp/again ]] && { restore; serve; }; touch /tmp/again; `
			f := snapStart(t, &o, first+test.runtime, map[string]string{"x": both})
			f.RestoreTimeout, f.TmpSize = test.timeout, 1<<20
			e := start(t, f)
			before := e.PID()
			_, err := e.Invoke(bounded(t), []byte(`1`))
			var failed *local.RestoreError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, test.want, *failed)
			assert.Equal(t, local.PhaseDown, e.Phase())
			requireGone(t, before)
			if test.timeout != deadline {
				return // too short to start all again
			}
			r, err := e.Invoke(bounded(t), []byte(`1`))
			require.NoError(t, err)
			assert.Equal(t, `{"got":1}`, string(r.Body))
			assert.Positive(t, r.Init)
		})
	}
}

func TestRestoreNotThere(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	e := start(t, goFunction(t))
	assert.EqualError(t, e.Restore(bounded(t)), "restore: the init type is on-demand, not snap-start")
	for _, request := range []string{"GET /runtime/restore/next", "POST /runtime/restore/error", "GET /../2021-04-23/credentials"} {
		var a answer
		require.NoError(t, json.Unmarshal(send(t, e, event{Do: "request", Arg: request}).Body, &a))
		assert.Equal(t, 404, a.Status, request)
	}
}

// A snapshot that is never restored ends like every other environment.
func TestStopSnapshot(t *testing.T) {
	t.Parallel()
	var o outputs
	e := start(t, snapStart(t, &o, `trap 'echo terminated; exit 0' TERM; restore & wait`, map[string]string{"x": both}))
	require.NoError(t, e.Stop(context.Background()))
	assert.Equal(t, []string{"spindown"}, shutdowns(o.lines("x")))
	requireGone(t, e.PID())
	assert.ErrorIs(t, e.Restore(bounded(t)), local.ErrNotRunning)
}

// Credentials are not in the variables of a snapshot.
func TestCredentials(t *testing.T) {
	t.Parallel()
	const ask = `env; curl -sS -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"
		curl -sS -w ' %{http_code}\n' -H 'Authorization: x' "$AWS_CONTAINER_CREDENTIALS_FULL_URI"; `
	var o outputs
	f := snapStart(t, &o, ask+`serve`, map[string]string{"x": ask + both})
	f.Stdout = o.writer("runtime")
	e := start(t, f)
	require.NoError(t, e.Stop(context.Background()))
	for _, who := range []string{"runtime", "x"} {
		text := o.writer(who).(*buffer).String()
		assert.Contains(t, text, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start\n")
		assert.Regexp(t, `(?m)^AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127\.0\.0\.1:\d+/2021-04-23/credentials$`, text)
		for _, absent := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"} {
			assert.NotContains(t, text, absent)
		}
		assert.Regexp(t, `\{"AccessKeyId":"local","SecretAccessKey":"local","Token":"local","Expiration":"\d{4}-[^"]+Z"\}`, text)
		assert.Contains(t, text, "cannot get credentials for the provided token\n 404\n")
	}
}

// AWS's own client for Python runs its hooks around the snapshot.
func TestRestorePython(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	bed, err := testbed.Open()
	require.NoError(t, err)
	rt := testbed.Need(t, bed, "python3.13")
	code := files(t, map[string]string{"app.py": `
from snapshot_restore_py import register_before_snapshot, register_after_restore
calls = ["init"]
@register_before_snapshot
def before(): print("before", flush=True); calls.append("before")
@register_after_restore
def after():
    calls.append("after")
    import os
    if os.path.exists("/tmp/bad"): raise ValueError("bad")
def handler(event, context): return calls
`})
	require.NoError(t, os.Chmod(code, 0o755))
	for _, bad := range []bool{false, true} {
		var said buffer
		f := local.Function{
			Handler: "app.handler", Command: rt.Command("app.handler"), Managed: true, Env: rt.Env, Code: code,
			Timeout: deadline, InitType: local.SnapStart, RestoreTimeout: deadline, Stdout: &said, Stderr: &said, Tmp: t.TempDir(),
		}
		for _, m := range rt.Mounts {
			f.Mounts = append(f.Mounts, local.Mount(m))
		}
		e := start(t, f)
		assert.Contains(t, said.String(), "before")
		if bad {
			require.NoError(t, os.WriteFile(filepath.Join(f.Tmp, "bad"), nil, 0o644))
		}
		r, err := e.Invoke(bounded(t), []byte(`{}`))
		var failed *local.RestoreError
		if bad {
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, "Runtime.AfterRestoreError", failed.Type)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, `["init","before","after"]`, strings.ReplaceAll(string(r.Body), " ", ""))
	}
}

// The events of a snapshot and its restore stand between those of the init and
// of the first invocation, whose report has the duration.
func TestRestoreIsTold(t *testing.T) {
	t.Parallel()
	var one buffer
	f := snapStart(t, &outputs{}, `restore >/dev/null; serve`, nil)
	f.Stdout, f.Stderr = nil, &one
	all, _ := told(t, f, `1`, `2`)
	assert.Equal(t, []string{
		"initStart", "initRuntimeDone", "initReport", "restoreStart", "restoreRuntimeDone", "restoreReport",
		"start", "runtimeDone", "report", "start", "runtimeDone", "report",
	}, types(all))
	restored := decoded[telemetry.Invocation](t, all[8]).Metrics.RestoreDurationMs
	require.NotNil(t, restored)
	assert.Positive(t, *restored)
	assert.Nil(t, decoded[telemetry.Invocation](t, all[11]).Metrics.RestoreDurationMs)
}
