//go:build linux

package main

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/graft-lambda/graft/internal/readme"
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
	// stopped looks at what is left of it.
	stopped func(*trial)

	telemetry delivery
	// punished says that Lambda fails invocations whatever an external extension
	// does.
	punished bool
}

// A delivery is what becomes of the telemetry of a row.
type delivery int

const (
	arrives delivery = iota // all of it
	others                  // all of it, but what the row itself delivers
	none                    // there is none
	unsent                  // the endpoint takes nothing
	partly                  // what there is to say of it the row says itself
)

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
			return // -run has chosen some of the rows
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", fault.name, outcomes[i][0], outcomes[i][1])
	}
	readme.Hold(t, "../../README.md", "faults", "go test ./wrapper/companion -run TestFaults -update", table.String(), *update)
}
