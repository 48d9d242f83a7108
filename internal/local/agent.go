package local

import (
	"encoding/json"
	"slices"
	"time"
)

const (
	extensionsDir = optDir + "/extensions"
	// maxAgents is how many extensions Lambda allows, external and internal.
	maxAgents = 10
)

// The states of an extension, as the API's messages name them.
type agentState string

const (
	agentStarted        agentState = "Started"
	registered          agentState = "Registered"
	agentReady          agentState = "Ready"   // in its next
	agentRunning        agentState = "Running" // has got an event
	agentInitError      agentState = "InitError"
	agentExitError      agentState = "ExitError"
	agentLaunchError    agentState = "LaunchError"
	agentExited         agentState = "Exited"
	agentShutdownFailed agentState = "ShutdownFailed"
)

// agentMoves are the transitions that there are. That an error may be
// reported again is so that a retried request does no harm.
var agentMoves = map[agentState][]agentState{
	agentStarted:   {registered, agentLaunchError},
	registered:     {agentReady, agentInitError, agentExitError},
	agentReady:     {agentRunning, agentExitError},
	agentRunning:   {agentReady, agentExitError, agentExited, agentShutdownFailed},
	agentInitError: {agentInitError},
	agentExitError: {agentExitError},
}

// The events that an extension can ask for.
const (
	invokeEvent   = "INVOKE"
	shutdownEvent = "SHUTDOWN"
)

// An agent is an extension. Its fields are guarded by the generation's mu.
type agent struct {
	name      string
	id        string // a UUID
	external  bool
	process   *process // of an external one, once it has been started
	state     agentState
	events    map[string]bool
	pending   *agentEvent // for its next
	errorType string      // of the first error that it reported
	owes      bool        // has got, or is to get, an INVOKE and not asked for more

	began, readied time.Time // for parts.go
}

func newAgent(name string, external bool) *agent {
	return &agent{name: name, id: newUUID(), external: external, state: agentStarted, events: make(map[string]bool)}
}

// move changes the state, and tells whether there is such a transition.
func (a *agent) move(to agentState) bool {
	ok := slices.Contains(agentMoves[a.state], to)
	if ok {
		a.state = to
	}
	if ok && to == agentReady && a.readied.IsZero() {
		a.readied = time.Now()
	}
	return ok
}

// deliver makes e what the next of the agent returns.
func (a *agent) deliver(e *agentEvent) {
	a.pending = e
	a.owes = e.Type == invokeEvent
}

// left takes note of how the agent's process ended in a shutdown.
func (a *agent) left(exit Exit) {
	if exit == (Exit{}) {
		a.move(agentExited)
	} else {
		a.move(agentShutdownFailed)
	}
}

// An agentEvent is what next returns to an extension.
type agentEvent struct {
	Type           string   `json:"eventType"`
	DeadlineMs     int64    `json:"deadlineMs"`
	RequestID      string   `json:"requestId,omitempty"`
	ARN            string   `json:"invokedFunctionArn,omitempty"`
	Tracing        *tracing `json:"tracing,omitempty"`
	ShutdownReason string   `json:"shutdownReason,omitempty"`
}

type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// event is what extensions are told of inv.
func (inv *invocation) event() *agentEvent {
	e := &agentEvent{Type: invokeEvent, DeadlineMs: inv.told.UnixMilli(), RequestID: inv.id, ARN: inv.arn}
	if inv.trace != "" {
		e.Tracing = &tracing{"X-Amzn-Trace-Id", inv.trace}
	}
	return e
}

// A reason is why extensions are told to shut down.
type reason string

const (
	spindown reason = "spindown"
	timeout  reason = "timeout"
	failure  reason = "failure"
)

func shutdown(why reason, deadline time.Time) *agentEvent {
	return &agentEvent{Type: shutdownEvent, DeadlineMs: deadline.UnixMilli(), ShutdownReason: string(why)}
}

func (e *agentEvent) encode() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and a number
	}
	return b
}
