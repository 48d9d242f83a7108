package local

import (
	"context"
	"syscall"
	"time"
)

// What Lambda gives all processes of an environment to end.
const (
	budgetExternal = 2000 * time.Millisecond // there is an external extension
	budgetInternal = 500 * time.Millisecond  // there are internal ones only
)

// stopGrace is what a runtime that reported an init error gets to end by itself.
const stopGrace = 600 * time.Millisecond

// budget returns how long the end may take, of which 30 % are the runtime's.
// Without extensions nobody is told, and there is nothing to wait for.
func (g *generation) budget() time.Duration {
	var budget time.Duration
	for _, a := range g.agents {
		if a.external {
			return budgetExternal
		}
		budget = budgetInternal
	}
	return budget
}

// end ends all processes: the runtime by SIGTERM; when it is gone the external
// extensions by the event SHUTDOWN, those that did not ask for it by SIGKILL;
// and whoever is left at the end of the budget, or of ctx, by SIGKILL. When it
// returns nothing is left, and all output has been passed on.
func (g *generation) end(ctx context.Context, why reason) error {
	g.mu.Lock()
	g.ending = true
	budget, runtime := g.budget(), g.process
	g.mu.Unlock()
	deadline := time.Now().Add(budget)
	var err error
	if budget > 0 {
		if runtime != nil {
			err = runtime.stop(ctx, budget*3/10)
		}
		g.flush(ctx, deadline)
		g.dismiss(ctx, why, deadline)
	}
	if failure := g.stage.clear(); failure != nil {
		err = failure
	}
	g.telemetry.end()
	close(g.closed)
	return err
}

// flushBound is the most that the shutdown waits for the last deliveries.
const flushBound = time.Second

// flush has the telemetry delivered before the extensions are told to end.
func (g *generation) flush(ctx context.Context, deadline time.Time) {
	if limit := time.Now().Add(flushBound); limit.Before(deadline) {
		deadline = limit
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	g.stage.drain()
	g.telemetry.flush(ctx)
}

// dismiss tells the external extensions to end, and waits for it until the deadline.
func (g *generation) dismiss(ctx context.Context, why reason, deadline time.Time) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	g.mu.Lock()
	var told []*process
	for _, a := range g.agents {
		switch {
		case a.process == nil:
		case a.events[shutdownEvent]:
			a.deliver(shutdown(why, deadline.Add(g.ahead)))
			told = append(told, a.process)
		default:
			a.process.signal(syscall.SIGKILL)
		}
	}
	g.note()
	g.mu.Unlock()
	for _, p := range told {
		select {
		case <-p.done:
		case <-ctx.Done():
			return
		}
	}
}
