package local

import (
	"context"
	"fmt"
	"net/http"
)

// The headers of the Extensions API.
const (
	agentNameHeader      = "Lambda-Extension-Name"
	agentIDHeader        = "Lambda-Extension-Identifier"
	agentEventIDHeader   = "Lambda-Extension-Event-Identifier"
	agentErrorTypeHeader = "Lambda-Extension-Function-Error-Type"
	agentFeatureHeader   = "Lambda-Extension-Accept-Feature"
)

const (
	notAllowedMove = "State transition is not allowed"
	concurrentMove = "Concurrent state modification"
)

// forbid answers a request of an extension that is not to be: AWS's emulator
// knows no other status for it, where the documentation also has 400.
func forbid(w http.ResponseWriter, errorType, format string, args ...any) {
	reply(w, http.StatusForbidden, "Extension."+errorType, fmt.Sprintf(format, args...))
}

// forbidMove answers a request that the state of a does not allow. The caller holds mu.
func forbidMove(w http.ResponseWriter, a *agent, to agentState, who, why string) {
	forbid(w, "InvalidExtensionState", "State transition from %s to %s failed for extension %s. Error: %s", a.state, to, who, why)
}

// agentNext says that an extension is ready, and waits for an event for it.
func (g *generation) agentNext(w http.ResponseWriter, r *http.Request) {
	id, ok := identifier(w, r)
	if !ok {
		return
	}
	g.mu.Lock()
	a := g.agentByID(id)
	switch {
	case a == nil:
		forbid(w, "UnknownExtensionIdentifier", "Unknown extension %s", id)
	case !a.move(agentReady):
		forbidMove(w, a, agentReady, a.id, notAllowedMove)
		a = nil
	default:
		a.owes = a.pending != nil && a.pending.Type == invokeEvent
		g.note()
	}
	g.mu.Unlock()
	if a == nil {
		return
	}
	// As with Lambda a client that goes away changes nothing: the event is
	// lost with its connection.
	var event *agentEvent
	err := g.until(context.WithoutCancel(r.Context()), func() bool {
		if a.pending == nil {
			return false
		}
		event, a.pending = a.pending, nil
		if !a.move(agentRunning) {
			event = nil
			forbidMove(w, a, agentReady, a.id, concurrentMove)
		}
		return true
	})
	if err != nil {
		panic(http.ErrAbortHandler) // there is no event any more
	}
	if event == nil {
		return
	}
	if event.Type == invokeEvent {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(agentEventIDHeader, newUUID())
	}
	_, _ = w.Write(event.encode())
}

// agentInitError takes the error that an extension could not start with. It
// ends nothing by itself: the end of the process does.
func (g *generation) agentInitError(w http.ResponseWriter, r *http.Request) {
	g.agentError(w, r, agentInitError, agentInitError, "Extension.InitError")
}

// agentExitError takes the error that an extension is about to end with. To
// the message of a refusal the state is Exited, as AWS has it.
func (g *generation) agentExitError(w http.ResponseWriter, r *http.Request) {
	g.agentError(w, r, agentExitError, agentExited, "Extension.ExitError")
}

func (g *generation) agentError(w http.ResponseWriter, r *http.Request, to, said agentState, errorType string) {
	id, ok := identifier(w, r)
	if !ok {
		return
	}
	if r.Header.Get(agentErrorTypeHeader) == "" {
		forbid(w, "MissingHeader", "%s not found", agentErrorTypeHeader)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.agentByID(id)
	switch {
	case a == nil:
		forbid(w, "UnknownExtensionIdentifier", "Unknown %s", agentIDHeader)
	case !a.move(to):
		forbidMove(w, a, said, a.id, notAllowedMove)
	default:
		g.reported = or(g.reported, errorType)
		a.errorType = or(a.errorType, errorType)
		g.note()
		accept(w)
	}
}

func (g *generation) agentNamed(name string) *agent {
	for _, a := range g.agents {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (g *generation) agentByID(id string) *agent {
	for _, a := range g.agents {
		if a.id == id {
			return a
		}
	}
	return nil
}

// identifier returns the id that the request is made with, or refuses it.
func identifier(w http.ResponseWriter, r *http.Request) (string, bool) {
	header := r.Header.Get(agentIDHeader)
	if header == "" {
		forbid(w, "MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
		return "", false
	}
	id, ok := parseUUID(header)
	if !ok {
		forbid(w, "InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
	}
	return id, ok
}
