package local

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
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

	restoreReady  state = "RestoreReady" // in its restore/next
	restoring     state = "Restoring"
	restoreFailed state = "RuntimeRestoreErrorState"
)

// several tells whether the runtime may have several invocations at once. Then
// each is on its own, and over when it is answered. Elsewhere the runtime as a
// whole is in the state of the one that it has, and by next it ends that one.
func (g *generation) several() bool { return g.function.InitType == ManagedInstances }

// status is the state of the runtime. The caller holds mu.
func (g *generation) status() state {
	if !g.several() && len(g.current) > 0 {
		return g.current[0].state
	}
	return g.state
}

// mayAsk tells whether the runtime may ask for an invocation. The caller holds mu.
func (g *generation) mayAsk() bool {
	switch g.status() {
	case started, restoring, responded:
		return true
	case ready:
		return g.several() || g.waiting == 0
	}
	return false
}

// next ends the invocation before it, if there was one, and waits for another.
func (g *generation) next(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.status() == running {
		// It has not answered yet: it gets the same one, as from AWS's own.
		inv := g.current[0]
		g.mu.Unlock()
		inv.render(w)
		return
	}
	if !g.mayAsk() {
		g.refuse(w, ready)
		g.mu.Unlock()
		return
	}
	// With the first one the time to register is over.
	g.sealed = true
	if g.status() == responded {
		g.finish(g.current[0])
	}
	g.state = ready
	g.waiting++
	g.note()
	g.mu.Unlock()

	var inv *invocation
	err := g.until(r.Context(), func() bool {
		if len(g.offered) == 0 {
			return false
		}
		inv, g.offered = g.offered[0], g.offered[1:]
		inv.state = running
		g.current = append(g.current, inv)
		g.waiting--
		return true
	})
	if err != nil {
		g.mu.Lock()
		g.waiting--
		g.mu.Unlock()
		if errors.Is(err, errEnded) {
			panic(http.ErrAbortHandler) // there is no event any more
		}
		return
	}
	inv.render(w)
}

// finish takes note that the runtime is through with inv. The caller holds mu.
func (g *generation) finish(inv *invocation) {
	inv.over, inv.took = true, time.Since(inv.delivered)
	g.current = without(g.current, inv)
}

// maxLate is how many late answers are told from those to no invocation at all.
const maxLate = 1000

// abandon gives up waiting for the answer to inv, and tells whether there was
// none. The code goes on; what it answers is dropped.
func (g *generation) abandon(inv *invocation) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if inv.over {
		return false
	}
	inv.abandoned = true
	if inv.state == running && len(g.late) < maxLate {
		g.late[inv.id] = true
	}
	g.offered, g.current = without(g.offered, inv), without(g.current, inv)
	return true
}

func without(list []*invocation, inv *invocation) []*invocation {
	return slices.DeleteFunc(list, func(other *invocation) bool { return other == inv })
}

// render writes inv as the runtime gets it.
func (inv *invocation) render(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.told.UnixMilli(), 10))
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
		fmt.Sprintf("State transition from %s to %s failed for runtime. Error: State transition is not allowed", g.status(), to))
}
