//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// companions are the processes of the companion: one.
func (r *trial) companions() (found []int) {
	for _, pid := range processesIn(r.namespace()) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		argv := strings.Split(string(line), "\x00")
		if filepath.Base(argv[0]) == companionName {
			found = append(found, pid)
		}
	}
	require.Len(r, found, 1)
	return found
}

// crash ends the runtime, and is told so.
func crash(r *trial) string {
	assert.Equal(r, "Runtime.ExitError", send(r.T, r.env, "crash"))
	r.resets++
	return ""
}

// kill ends the companion, with which an external one's environment ends.
func kill(r *trial) string {
	require.NoError(r, syscall.Kill(r.companions()[0], syscall.SIGKILL))
	if r.forked {
		return "no telemetry from then on"
	}
	r.untilReset()
	return "**one reset, with what runs then**: Lambda's rule"
}

// killHolding ends one that was to hold invocations. For a forked one Lambda
// waits in vain.
func killHolding(r *trial) string {
	if !r.forked {
		return kill(r)
	}
	kill(r)
	r.untilReset()
	return "**one reset, at the function's timeout**: Lambda's rule"
}

// untilReset invokes until the environment is a new one.
func (r *trial) untilReset() {
	eventually(r.T, func() bool {
		_, err := r.env.Invoke(r.Context(), []byte(`"more"`))
		return assert.NoError(r, err) && r.inits.Load() > 1
	}, "Lambda has seen it")
	r.resets++
}

// hour lets an hour pass while the environment is frozen.
func hour(r *trial) string {
	require.Equal(r, local.PhaseFrozen, r.env.Phase())
	err := r.env.Advance(r.Context(), time.Hour)
	if errors.Is(err, errors.ErrUnsupported) {
		err = fmt.Errorf("%w: %w", testbed.ErrUnavailable, err)
	}
	testbed.NeedErr(r.T, err)
	return ""
}

// inTransit has the environment frozen while the collector is about to answer,
// which the end of the connection or an answer follows.
func inTransit(broken bool) fault {
	f := fault{env: []string{"FREEZE=1"}}
	name := "answered meanwhile"
	if broken {
		name = "the connection breaks meanwhile"
	}
	f.name = "frozen for an hour in a request, " + name
	f.before = func(r *trial) {
		// No invocation waits for it.
		r.Env = slices.DeleteFunc(r.Env, func(entry string) bool { return entry == "GRAFT_TELEMETRY_FLUSH=end" })
		entered, released := make(chan struct{}, 1), make(chan struct{})
		release := sync.OnceFunc(func() { close(released) })
		// The collector's end waits for the answer, also of a row that is skipped.
		r.Cleanup(release)
		first := make(chan struct{}, 1)
		first <- struct{}{}
		r.collector.breakDown(func(w http.ResponseWriter, q *http.Request) bool {
			select {
			case <-first:
			default:
				return false
			}
			entered <- struct{}{}
			<-released
			if broken {
				panic(http.ErrAbortHandler)
			}
			return false
		})
		r.fault.during = func(r *trial) string {
			for waiting := true; waiting; {
				select {
				case <-entered:
					waiting = false
				default:
					r.extra()
				}
			}
			hour(r)
			release()
			return ""
		}
	}
	return f
}

// short leaves the companion no descriptors but those that it has.
func short(r *trial) string {
	var was unix.Rlimit
	pid := r.companions()[0]
	require.NoError(r, unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &was))
	require.NoError(r, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: was.Max}, nil))
	r.fault.after = func(r *trial) string {
		require.NoError(r, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &was, nil))
		return ""
	}
	return ""
}

var machineFaults = []fault{
	{name: "frozen for an hour between invocations", env: []string{"FREEZE=1"}, during: hour},
	inTransit(false),
	inTransit(true),
	{name: "restored from a snapshot", before: func(r *trial) { r.InitType = local.SnapStart }},
	{name: "runtime crashes", during: crash},
	{name: "runtime crashes again and again", during: func(r *trial) string { crash(r); crash(r); return crash(r) }},
	{name: "too few descriptors from the start", launch: "ulimit -n 11;", telemetry: partly, after: func(r *trial) string {
		eventually(r.T, func() bool { return strings.Contains(r.printed(), "too many open files") }, "it is said")
		return "tried again and again"
	}},
	{name: "no descriptors left, later", during: short},
	{name: "`/tmp` is read-only, as all else", before: func(r *trial) { r.TmpReadOnly = true }},
	{name: "panic in the companion's loop, in each invocation", panics: true, env: []string{"PANIC=loop"}},
	{name: "panic in an exporter", panics: true, env: []string{"PANIC=exporter", "GRAFT_TELEMETRY_TO=stdout,otlp"}},
	{name: "panic in the listener and in a lane", panics: true, env: []string{"PANIC=say"}, before: endpoint(1, status(503, "")),
		during: delivers("<html>", 3, 400), telemetry: others},
	{name: "companion killed", during: kill, telemetry: partly, before: func(r *trial) {
		r.Env = slices.DeleteFunc(r.Env, func(entry string) bool { return entry == "GRAFT_TELEMETRY_FLUSH=end" })
	}},
	{name: "companion killed, with `GRAFT_TELEMETRY_FLUSH=end`", during: killHolding, telemetry: partly, before: func(r *trial) { r.Timeout = 2 * time.Second }},
}

// panickingMachine is this machine with a part that panics, as PANIC says.
func panickingMachine() machine {
	m := thisMachine()
	oops := func() { panic("s3cret") }
	switch os.Getenv("PANIC") {
	case "loop":
		calls := 0
		m.now = func() time.Time {
			if calls++; calls <= invocations {
				oops()
			}
			return time.Now()
		}
	case "exporter":
		m.stdout = oopsWriter(oops)
	case "say":
		m.telemetry = &watch{stdout: m.stdout, say: func(string) { oops() }}
	}
	return m
}

type oopsWriter func()

func (w oopsWriter) Write(p []byte) (int, error) { w(); return len(p), nil }
