package local

import (
	"fmt"
	"slices"
)

// A Phase is the state that an environment is in. The diagram shows them all;
// one goroutine at a time makes the transitions, the one that holds the slot.
//
//	            ┌───────── next invocation: suppressed init ◄─┐
//	            ▼                                             │
//	Start ──► init ──────► ready ◄────► invoking              │
//	            │ │          ▲ ▲ │         │                  │
//	   timeout, │ │ snap-    │ │ ▼         │ timeout, crash,  │
//	    failure │ │ start    │ frozen      │ exit of an       │
//	            │ ▼          │             │ extension        │
//	            │ snap- ──► restoring      │                  │
//	            │ shotted    │             │                  │
//	            ▼            ▼             ▼                  │
//	        resetting ◄──────┴─────────────┘                  │
//	            └──────► down ────────────────────────────────┘
//
//	all but resetting, at their end ──► Stop: stopping ──► stopped
//
// In init all processes are started and get ready (init.go); in invoking an
// event is with the runtime and the extensions that asked for it (invoke in
// generation.go); in restoring a snapshot is let go on (restore.go); in
// resetting and stopping all are ended (shutdown.go), after which nothing runs:
// that is down, or stopped.
//
// On Managed Instances invoking is with several events at once, from the first
// until the last. There a timeout ends nothing, and down is for good: only the
// end of a process leads there (guard in managed.go).
type Phase string

// The phases.
const (
	PhaseInit        Phase = "init"
	PhaseSnapshotted Phase = "snapshotted"
	PhaseRestoring   Phase = "restoring"
	PhaseReady       Phase = "ready"
	PhaseFrozen      Phase = "frozen"
	PhaseInvoking    Phase = "invoking"
	PhaseResetting   Phase = "resetting"
	PhaseDown        Phase = "down"
	PhaseStopping    Phase = "stopping"
	PhaseStopped     Phase = "stopped"
)

var phases = map[Phase][]Phase{
	PhaseInit:        {PhaseReady, PhaseSnapshotted, PhaseResetting, PhaseStopping},
	PhaseSnapshotted: {PhaseRestoring, PhaseStopping},
	PhaseRestoring:   {PhaseReady, PhaseResetting, PhaseStopping},
	PhaseReady:       {PhaseInvoking, PhaseFrozen, PhaseResetting, PhaseStopping},
	PhaseFrozen:      {PhaseReady},
	PhaseInvoking:    {PhaseReady, PhaseResetting, PhaseStopping},
	PhaseResetting:   {PhaseDown},
	PhaseDown:        {PhaseInit, PhaseStopping},
	PhaseStopping:    {PhaseStopped},
}

// enter makes a transition. One that is not in the table is a mistake of this package.
func (e *Environment) enter(to Phase) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.move(to)
}

// begin takes note of one more invocation.
func (e *Environment) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running++
	if e.running == 1 {
		e.move(PhaseInvoking)
	}
}

// done takes note that an invocation is over, and the environment is ready if
// it was the last and nothing has been reset.
func (e *Environment) done() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running--
	if e.running == 0 && e.phase == PhaseInvoking {
		e.move(PhaseReady)
	}
}

// move is enter for those who hold mu.
func (e *Environment) move(to Phase) {
	if !slices.Contains(phases[e.phase], to) {
		panic(fmt.Sprintf("local: from %s to %s", e.phase, to))
	}
	e.phase = to
}

// Phase returns the state that the environment is in.
func (e *Environment) Phase() Phase {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.phase
}
