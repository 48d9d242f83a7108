package local

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Invoke sends payload, JSON of at most 6 MiB, through the function and
// returns when the invocation is over: when the runtime has answered and asks
// for the next event, and so do the extensions that got this one. Invocations
// run one after another; on Managed Instances up to Concurrency at once, each
// of which is over when it is answered. The first one of a snap-start function
// makes the restore, as [Environment.Restore] does; the error then is a
// [RestoreError] if that fails.
//
// A function that fails, crashes or runs into its timeout is a Response with
// FunctionError, and so is the end of an extension. Except after the first
// everything is ended then, with what Lambda gives it to end, and the next
// invocation starts all anew, within its own timeout. On Managed Instances a
// timeout ends nothing, and after the end of a process there is
// [ErrNotRunning], as there is after Stop. If ctx ends, Invoke returns its
// error and the invocation goes on without a caller, as it does in Lambda.
func (e *Environment) Invoke(ctx context.Context, payload []byte, options ...InvokeOption) (Response, error) {
	if len(payload) > maxPayload {
		return Response{}, fmt.Errorf("payload: %d bytes, %d are allowed", len(payload), maxPayload)
	}
	if err := e.acquire(ctx); err != nil {
		return Response{}, err
	}
	now := time.Now()
	inv := &invocation{
		id: newUUID(), trace: newTrace(now), arn: e.arn,
		payload: payload, deadline: now.Add(e.function.Timeout),
		settled: make(chan struct{}),
	}
	for _, option := range options {
		option(inv)
	}
	type result struct {
		Response
		error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-e.slot }()
		r, err := e.run(inv)
		done <- result{r, err}
	}()
	var early <-chan struct{}
	if inv.early {
		early = inv.settled
	}
	for {
		select {
		case r := <-done:
			return r.Response, r.error
		case <-early:
			if !inv.outcome.truncated {
				return inv.response(inv.outcome), nil
			}
			early = nil
		case <-ctx.Done():
			return Response{}, ctx.Err()
		}
	}
}

// run takes inv through the environment, and the environment back to where it
// can take another one.
func (e *Environment) run(inv *invocation) (Response, error) {
	if err := e.gone(); err != nil {
		return Response{}, err
	}
	if e.Phase() == PhaseSnapshotted {
		if err := e.restoreFor(e.live); err != nil {
			return Response{}, err
		}
		inv.restore = e.RestoreDuration()
		inv.deadline = time.Now().Add(e.function.Timeout) // of which that is no part
	}
	ctx, cancel := context.WithDeadline(e.live, inv.deadline)
	defer cancel()
	var err error
	switch e.Phase() {
	case PhaseFrozen:
		err = e.thaw()
	case PhaseDown:
		e.enter(PhaseInit)
		err = e.init(ctx)
		inv.init = e.InitDuration()
		if err == nil && e.Phase() == PhaseSnapshotted {
			err = e.restore(ctx)
		}
	}
	g := e.now()
	g.invocationStarted(inv)
	if err == nil {
		e.begin()
		defer e.done()
		inv.delivered = time.Now()
		err = g.invoke(ctx, inv)
	}
	if err != nil && g.several() && !g.abandon(inv) {
		err = nil // it was answered in the last moment
	}
	g.invocationReported(inv, err)
	if e.live.Err() != nil {
		// Stop ends all; but what has been answered has been.
		return e.result(g, inv, err, ErrNotRunning)
	}
	var failed error
	switch {
	case g.several():
		// Neither is there a reset.
	case err == nil:
		e.enter(PhaseReady)
		failed = e.rest()
	case errors.Is(err, context.DeadlineExceeded):
		failed = e.reset(e.patient, timeout)
	default:
		failed = e.reset(e.patient, failure)
	}
	return e.result(g, inv, err, failed)
}

// result tells how inv went. Err is what it ended with; failed is what kept
// the environment from getting over it.
func (e *Environment) result(g *generation, inv *invocation, err, failed error) (r Response, _ error) {
	if !inv.delivered.IsZero() {
		whole := time.Since(inv.delivered)
		defer func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			r.Whole, r.Duration = whole, or(inv.took, whole)
		}()
	}
	if err != nil && failed == nil && !g.several() && g.claimed(inv) {
		// An answer of which the last bytes are still on their way, unless it
		// comes from somebody who did not end with the rest.
		select {
		case <-inv.settled:
		case <-time.After(stopGrace):
		}
	}
	select {
	case <-inv.settled:
		if err == nil || !inv.outcome.truncated {
			return inv.response(inv.outcome), failed
		}
	default:
	}
	var found *fault
	switch {
	case failed != nil:
		return Response{}, failed
	case errors.As(err, &found):
		if found.body != nil {
			return inv.response(outcome{body: found.body, errorType: found.errorType}), nil
		}
		return inv.response(inv.failure(found.errorType, found.message)), nil
	case errors.Is(err, context.DeadlineExceeded):
		message := fmt.Sprintf("Task timed out after %.2f seconds", e.function.Timeout.Seconds())
		return inv.response(inv.failure("Sandbox.Timedout", message)), nil
	default:
		return Response{}, err
	}
}
