package local

import (
	"context"
	"fmt"
	"time"
)

// Invoke sends payload, JSON of at most 6 MiB, through the function and
// returns when the invocation is over: when the runtime has answered and asks
// for the next event. Invocations run one after another.
//
// A function that fails, crashes or runs into its timeout is a Response with
// FunctionError; after the latter two the environment is not running any
// more, and invocations return [ErrNotRunning]. If ctx ends, Invoke returns its error and
// the invocation goes on without a caller, as it does in Lambda.
func (e *Environment) Invoke(ctx context.Context, payload []byte, options ...InvokeOption) (Response, error) {
	if len(payload) > maxPayload {
		return Response{}, fmt.Errorf("payload: %d bytes, %d are allowed", len(payload), maxPayload)
	}
	select {
	case e.slot <- struct{}{}:
	case <-e.stopping:
		return Response{}, ErrNotRunning
	case <-ctx.Done():
		return Response{}, ctx.Err()
	}
	now := time.Now()
	inv := &invocation{
		id: newRequestID(), trace: newTrace(now), arn: e.arn,
		payload: payload, deadline: now.Add(e.function.Timeout),
		settled: make(chan struct{}), over: make(chan struct{}),
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
		r, err := e.run(inv, now)
		done <- result{r, err}
	}()
	select {
	case r := <-done:
		return r.Response, r.error
	case <-ctx.Done():
		return Response{}, ctx.Err()
	}
}

// run delivers inv and waits until it is over.
func (e *Environment) run(inv *invocation, start time.Time) (Response, error) {
	timer := time.NewTimer(time.Until(inv.deadline))
	defer timer.Stop()
	select {
	case <-e.process.done:
		return Response{}, ErrNotRunning
	default:
	}
	var timedOut bool
	select {
	case e.api.queue <- inv:
		select {
		case <-inv.over:
		case <-e.process.done:
		case <-timer.C:
			timedOut = true
		}
	case <-e.process.done:
		return Response{}, ErrNotRunning
	case <-timer.C:
		// The runtime never came for the event.
		timedOut = true
	}
	if timedOut {
		if err := e.process.kill(); err != nil {
			return Response{}, err
		}
	}
	return e.result(inv, timedOut, time.Since(start))
}

// result tells how inv went, which is over or whose process has ended.
func (e *Environment) result(inv *invocation, timedOut bool, took time.Duration) (Response, error) {
	if e.api.claimed(inv) {
		// An answer of which the last bytes are still on their way.
		<-inv.settled
	}
	select {
	case <-inv.settled:
		if o := inv.outcome; !o.truncated {
			return inv.response(o, took), nil
		}
	default:
	}
	select {
	case <-e.stopping:
		return Response{}, ErrNotRunning
	default:
	}
	switch {
	case timedOut:
		message := fmt.Sprintf("Task timed out after %.2f seconds", e.function.Timeout.Seconds())
		return inv.response(inv.failure("Sandbox.Timedout", message), took), nil
	case e.ended():
		return inv.response(inv.failure("Runtime.ExitError", e.process.exit.reason()), took), nil
	default:
		return inv.response(inv.outcome, took), nil
	}
}

// ended tells whether the process is gone.
func (e *Environment) ended() bool {
	select {
	case <-e.process.done:
		return true
	default:
		return false
	}
}
