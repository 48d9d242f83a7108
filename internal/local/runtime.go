package local

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The states of a runtime, as the API's messages name them.
type state string

const (
	started    state = "Started"
	ready      state = "Ready"
	running    state = "Running"
	responding state = "InvocationResponse"
	failing    state = "InvocationErrorResponse"
	responded  state = "RuntimeResponseSentState"
	initFailed state = "InitError"
)

// next ends the invocation before it, if there was one, and waits for another.
func (g *generation) next(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if inv := g.current; inv != nil && g.state == running {
		// It has not answered yet: it gets the same one, as from AWS's own.
		g.mu.Unlock()
		inv.render(w)
		return
	}
	if g.waiting || g.state != started && g.state != responded && g.state != ready {
		g.refuse(w, ready)
		g.mu.Unlock()
		return
	}
	// With the first one the time to register is over.
	g.sealed = true
	g.state, g.waiting = ready, true
	if inv := g.current; inv != nil {
		inv.over, inv.took = true, time.Since(inv.delivered)
		g.current = nil
	}
	g.note()
	g.mu.Unlock()

	var inv *invocation
	err := g.until(r.Context(), func() bool {
		if g.offered == nil {
			return false
		}
		inv, g.offered = g.offered, nil
		g.state, g.waiting, g.current = running, false, inv
		return true
	})
	if err != nil {
		g.mu.Lock()
		g.waiting = false
		g.mu.Unlock()
		if errors.Is(err, errEnded) {
			panic(http.ErrAbortHandler) // there is no event any more
		}
		return
	}
	inv.render(w)
}

// render writes inv as the runtime gets it.
func (inv *invocation) render(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
	if inv.trace != "" {
		header.Set("Lambda-Runtime-Trace-Id", inv.trace)
	}
	if inv.client != "" {
		header.Set("Lambda-Runtime-Client-Context", inv.client)
	}
	_, _ = w.Write(inv.payload)
}

// refuse answers a request that the state does not allow. The caller holds mu.
func (g *generation) refuse(w http.ResponseWriter, to state) {
	reply(w, http.StatusForbidden, "InvalidStateTransition",
		fmt.Sprintf("State transition from %s to %s failed for runtime. Error: State transition is not allowed", g.state, to))
}
