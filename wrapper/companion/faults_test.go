//go:build linux

package main

import (
	"bytes"
	"context"
	"flag"
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

	"github.com/graft-lambda/graft/internal/local"
)

var update = flag.Bool("update", false, "write the table of faults into the README")

// A fault is a row of the README's table: what is broken, around a function
// with telemetry that waits until it is sent. Whatever it is, no invocation may
// fail and nothing may be reset or left behind; and what Lambda delivered must
// arrive, unless the row says otherwise.
type fault struct {
	name string
	// env and files are the function's and its layer's, further ones.
	env   []string
	files map[string]string
	// launch is a line of shell in front of the companion.
	launch string
	// panics has the companion be this test program, with [panickingMachine].
	panics bool
	// breaks are calls of the API.
	breaks breaks
	// before the start, between the first invocation and the others, and after
	// these: what the row does. What during and after return is part of the
	// outcome; empty is nothing to say.
	before func(*trial)
	during func(*trial) string
	after  func(*trial) string

	telemetry delivery
	// punished says that Lambda fails invocations whatever an external extension
	// does.
	punished bool
}

// A delivery is what becomes of the telemetry of a row.
type delivery int

const (
	arrives delivery = iota // all of it
	none                    // there is none
	unsent                  // the endpoint takes nothing
)

// A trial is a row in one mode.
type trial struct {
	*scene
	*testing.T
	fault  fault
	inits  atomic.Int32
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
	r.Function.Env = append(r.Function.Env, "GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=end")
	r.Function.Inits = func(local.Init) { r.inits.Add(1) }
	r.Function.API = r.stand
	r.Function.RetryInit = true
	r.replaceCompanion()
	if r.fault.before != nil {
		r.fault.before(r)
	}
	r.env = r.start(r.T)
	namespace := namespaceOf(r.env.PID())
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
	if r.fault.telemetry == arrives {
		r.arrived()
	}
	r.paced()
	require.NoError(r, r.env.Stop(context.Background()))
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
}

// arrived waits for what the collector must get.
func (r *trial) arrived() {
	eventually(r.T, func() bool { return r.missing() == 0 }, "%s\nall arrives: %v %v", r.printed(), r.collector.names(""), r.collector.lines())
}

// missing is how much of three invocations the collector lacks.
func (r *trial) missing() int {
	have := 0
	for _, name := range r.collector.names("") {
		if name == "invoke" {
			have++
		}
	}
	for _, line := range r.collector.lines() {
		if line == `function: "hello"` {
			have++
		}
	}
	return 2*invocations - have
}

// words tell the outcome.
func (r *trial) words(notes []string) string {
	switch r.fault.telemetry {
	case arrives:
		notes = append(notes, "nothing lost")
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
	switch {
	case said == 1 && r.fault.telemetry == none:
		notes = append(notes, "one line")
	case said > 0:
		// How many depends on how long it went on.
		notes = append(notes, "said in the log")
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

// namespaceOf names the mount namespace of a process: "" if there is none.
func namespaceOf(pid int) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
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

// TestFaults makes the README's table.
func TestFaults(t *testing.T) {
	faults := slices.Concat(apiFaults, deliveryFaults, endpointFaults, programFaults, machineFaults)
	outcomes := make([][2]string, len(faults))
	t.Run("rows", func(t *testing.T) {
		for i, fault := range faults {
			for mode, name := range []string{"external", "forked"} {
				t.Run(fault.name+"/"+name, func(t *testing.T) {
					t.Parallel()
					r := &trial{scene: newScene(t, name == "forked", fault.files, fault.env...), T: t, fault: fault}
					outcomes[i][mode] = r.run()
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	var table bytes.Buffer
	table.WriteString("| fault | external | forked |\n| --- | --- | --- |\n")
	for i, fault := range faults {
		if outcomes[i][0] == "" || outcomes[i][1] == "" {
			t.Skip("not all rows were run")
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", fault.name, outcomes[i][0], outcomes[i][1])
	}
	compareTable(t, table.String())
}

// compareTable holds the README's table against what was seen.
func compareTable(t *testing.T, table string) {
	const name, mark = "../../README.md", "<!-- faults -->\n"
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	parts := strings.Split(string(text), mark)
	require.Len(t, parts, 3, "the README has two marks %s", mark)
	if *update && parts[1] != table {
		parts[1] = table
		require.NoError(t, os.WriteFile(name, []byte(strings.Join(parts, mark)), 0o644))
	}
	assert.Equal(t, parts[1], table, "the README's table of faults: go test -run TestFaults -update")
}
