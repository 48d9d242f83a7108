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
//	            │            ▲ │           │                  │
//	   timeout, │      freeze│ │thaw       │ timeout, crash,  │
//	    failure │            │ ▼           │ exit of an       │
//	            │          frozen          │ extension        │
//	            ▼                          ▼                  │
//	        resetting ◄────────────────────┘                  │
//	            └──────► down ────────────────────────────────┘
//
//	ready, down ──► Stop: stopping ──► stopped
//
// In init all processes are started and get ready (init.go); in invoking an
// event is with the runtime and the extensions that asked for it (invoke in
// generation.go); in resetting and stopping they are ended (shutdown.go), after which
// nothing runs: that is down, or stopped.
type Phase string

// The phases.
const (
	PhaseInit      Phase = "init"
	PhaseReady     Phase = "ready"
	PhaseFrozen    Phase = "frozen"
	PhaseInvoking  Phase = "invoking"
	PhaseResetting Phase = "resetting"
	PhaseDown      Phase = "down"
	PhaseStopping  Phase = "stopping"
	PhaseStopped   Phase = "stopped"
)

var phases = map[Phase][]Phase{
	PhaseInit:      {PhaseReady, PhaseResetting, PhaseStopping},
	PhaseReady:     {PhaseInvoking, PhaseFrozen, PhaseStopping},
	PhaseFrozen:    {PhaseReady},
	PhaseInvoking:  {PhaseReady, PhaseResetting, PhaseStopping},
	PhaseResetting: {PhaseDown},
	PhaseDown:      {PhaseInit, PhaseStopping},
	PhaseStopping:  {PhaseStopped},
}

// enter makes a transition. One that is not in the table is a mistake of this package.
func (e *Environment) enter(to Phase) {
	e.mu.Lock()
	defer e.mu.Unlock()
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
