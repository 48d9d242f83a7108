//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/local"
)

// A trial is a row in one mode.
type trial struct {
	*scene
	*testing.T
	fault  fault
	inits  atomic.Int32
	traces []string // of the invocations
	failed int
	// resets are those that the row itself makes.
	resets int

	mu     sync.Mutex
	broken []time.Time // when the calls were that the row broke
	port   string      // of the companion's listener
}

const invocations = 3

// run makes the trial and returns its outcome, in words.
func (r *trial) run() string {
	for _, setting := range []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=end"} {
		name, _, _ := strings.Cut(setting, "=")
		if _, set := inject.Env(r.Env).Lookup(name); !set {
			r.Env = append(r.Env, setting)
		}
	}
	r.Function.Inits = func(local.Init) { r.inits.Add(1) }
	r.Function.API = r.stand
	r.Function.RetryInit = true
	r.replaceCompanion()
	if r.fault.before != nil {
		r.fault.before(r)
	}
	r.env = r.start(r.T)
	namespace := r.namespace()
	var notes []string
	note := func(do func(*trial) string) {
		if do == nil {
			return
		}
		if text := do(r); text != "" {
			notes = append(notes, text)
		}
	}
	r.call()
	note(r.fault.during)
	for range invocations - 1 {
		r.call()
	}
	note(r.fault.after)
	// An external companion sends at the SHUTDOWN what is left. Of a forked one
	// nobody waits for that; and one that never hears of it cannot.
	deaf := r.fault.breaks.call == toNext && r.fault.breaks.times == forever && !r.fault.breaks.well
	if r.forked || deaf {
		r.arrived()
	}
	r.paced()
	require.NoError(r, r.env.Stop(context.Background()))
	r.arrived()
	if r.fault.stopped != nil {
		r.fault.stopped(r)
	}
	left := processesIn(namespace)
	assert.Empty(r, left, "left behind")
	resets := int(r.inits.Load()) - 1 - r.resets
	if r.fault.punished && !r.forked {
		return r.words(append(notes, "**invocations fail**: Lambda's rule"))
	}
	assert.Zero(r, r.failed, "failed invocations: %s", r.printed())
	assert.Zero(r, resets, "resets: %s", r.printed())
	return r.words(notes)
}

// call is an invocation that should not fail.
func (r *trial) call() {
	answer, err := r.env.Invoke(r.Context(), []byte(`"hello"`))
	require.NoError(r, err)
	if answer.FunctionError != "" {
		r.Logf("%s: %s", answer.ErrorType, answer.Body)
		r.failed++
	}
	trace, _ := traceOf(answer)
	r.traces = append(r.traces, trace)
}

// extra is an invocation beside the three.
func (r *trial) extra() { assert.Equal(r, `"more"`, send(r.T, r.env, "more")) }

// arrived waits for what the collector must get.
func (r *trial) arrived() {
	if r.fault.telemetry > others {
		return
	}
	eventually(r.T, func() bool {
		if r.env.Phase() == local.PhaseFrozen {
			r.extra()
		}
		return r.missing() == 0
	}, "all arrives: %v", stringer(func() string {
		return fmt.Sprintf("%d missing: %s", r.missing(), r.printed())
	}))
}

// A stringer is part of a message that is made when the message is.
type stringer func() string

func (s stringer) String() string { return s() }

// missing is how much of three invocations the collector lacks.
func (r *trial) missing() int {
	have := 0
	for _, trace := range r.traces {
		if slices.Contains(r.collector.names(trace), "invoke") {
			have++
		}
	}
	for _, line := range r.collector.lines() {
		if line == `function: "hello"` {
			have++
		}
	}
	if spans, _ := inject.Env(r.Env).Lookup("GRAFT_TELEMETRY"); spans == fragment.PlatformEvents {
		return invocations - have
	}
	return 2*invocations - have
}

// words tell the outcome.
func (r *trial) words(notes []string) string {
	switch r.fault.telemetry {
	case arrives:
		notes = append(notes, "nothing lost")
	case others:
		notes = append(notes, "nothing else lost")
	case unsent:
		assert.Empty(r, r.collector.names(""))
		if r.forked {
			notes = append(notes, "nothing sent")
		} else {
			notes = append(notes, "nothing sent: counted")
		}
	case none:
		assert.Empty(r, r.collector.names(""))
		notes = append(notes, "no telemetry")
	}
	said := 0
	for line := range strings.Lines(r.printed()) {
		if strings.HasPrefix(line, linePrefix) || strings.HasPrefix(line, "graft: ") {
			said++
			r.Logf("%s", strings.TrimSpace(line))
		}
	}
	assert.Less(r, said, 10*int(r.inits.Load()), "the log is not flooded")
	// In other rows it depends on how long it went on.
	if said == 1 && r.fault.telemetry == none {
		notes = append(notes, "one line")
	}
	return strings.Join(notes, "; ")
}

// replaceCompanion puts what the row asks for in the companion's place.
func (r *trial) replaceCompanion() {
	opt := r.Layers[0]
	place := filepath.Join(opt, "extensions", companionName)
	if r.forked {
		place = filepath.Join(opt, companionName)
	}
	if r.fault.panics {
		self, err := os.Executable()
		require.NoError(r, err)
		require.NoError(r, os.Remove(place))
		require.NoError(r, os.Link(self, place))
	}
	if r.fault.launch != "" {
		require.NoError(r, os.Mkdir(filepath.Join(opt, "real"), 0o755))
		require.NoError(r, os.Rename(place, filepath.Join(opt, "real", companionName)))
		script := "#!/bin/sh\n" + r.fault.launch + ` exec /opt/real/` + companionName + ` "$@"` + "\n"
		require.NoError(r, os.WriteFile(place, []byte(script), 0o755))
	}
}

// companionName is the base name of the companion's file.
const companionName = "graft-companion"

// namespace names the mount namespace of the environment: "" if it is down. No
// other gets the name during the test.
func (r *trial) namespace() string {
	link := fmt.Sprintf("/proc/%d/ns/mnt", r.env.PID())
	if keep, err := os.Open(link); err == nil {
		r.Cleanup(func() { keep.Close() })
	}
	name, _ := os.Readlink(link)
	return name
}

// processesIn returns the processes in a namespace.
func processesIn(namespace string) (found []int) {
	if namespace == "" {
		return nil
	}
	entries, _ := filepath.Glob("/proc/[0-9]*/ns/mnt")
	for _, entry := range entries {
		var pid int
		if name, _ := os.Readlink(entry); name == namespace {
			_, _ = fmt.Sscanf(entry, "/proc/%d/", &pid)
			found = append(found, pid)
		}
	}
	return found
}
