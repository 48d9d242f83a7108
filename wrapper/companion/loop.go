package main

import (
	"context"
	"time"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/extension"
	"github.com/graft-lambda/graft/internal/guard"
	"github.com/graft-lambda/graft/internal/supervise"
)

// The companion's life. An arrow back to the same state waits first, longer
// every time, so that nothing that goes wrong for ever becomes a hot loop.
//
//	preparing ──▶ registering ──▶ subscribing ──▶ waiting ──▶ stopping ──▶ ended
//	               │ │     ▲                      ▲ │  ▲ │
//	               │ └─────┘                      └─┘  │ └──▶ invoked ──┐
//	               │  refused                   error, └────────────────┘
//	               │                    unknown event
//	               └──▶ unregistered: forked, and Lambda takes none any more
//
// What ends a forked companion leads from every state to stopping: SIGTERM, the
// end of the runtime, and that Lambda knows another one in its place. A state
// that panics is left by the way that [afterPanic] names.
type state int

const (
	// preparing starts the programs and waits until they are ready: Lambda
	// starts the runtime only after the registration.
	preparing state = iota
	// registering asks until Lambda agrees.
	registering
	// subscribing starts telemetry, which must stand before the first next.
	subscribing
	// waiting is in next, for hours if need be.
	waiting
	// invoked holds the invocation until its telemetry is sent.
	invoked
	// unregistered keeps the programs running until the end, of which nobody but
	// SIGTERM will tell.
	unregistered
	// stopping has as long as SHUTDOWN gives it.
	stopping
	ended
)

var afterPanic = [...]state{
	preparing:    registering,
	registering:  registering,
	subscribing:  waiting,
	waiting:      waiting,
	invoked:      waiting,
	unregistered: unregistered,
	stopping:     ended,
}

// Limits of what the function may have to wait for.
const (
	// subscribeLimit bounds the start of telemetry: a slow API must not use up
	// the init phase.
	subscribeLimit = time.Second
	// invokedMost is the longest time that an invocation can have, and
	// invokedUsual counts where Lambda or the clock say something unbelievable.
	invokedUsual, invokedMost = 2 * time.Second, 15 * time.Minute
	// slack is for what minds the end of its context.
	slack = 20 * time.Millisecond
	// shutdownUsual is what is left of a shutdown phase in the worst case; it
	// counts where the clock or Lambda says something unbelievable.
	shutdownUsual, shutdownMost = 1400 * time.Millisecond, 10 * time.Second
	// exitTime is what the companion needs for its own end, after the last
	// SIGKILL.
	exitTime = 250 * time.Millisecond
)

// A companion is in one state at a time.
type companion struct {
	machine
	job        job
	supervisor *supervise.Supervisor
	events     []extension.EventType
	reg        extension.Registration
	event      extension.Event
	trouble    trouble
}

func newCompanion(m machine) *companion {
	if m.settle == nil {
		m.settle = func() {}
	}
	return &companion{machine: m, job: job{log: fragment.Warn}}
}

// live goes from state to state until SHUTDOWN; the end of ctx is as good.
func (c *companion) live(ctx context.Context) {
	for s := preparing; s != ended; {
		s = c.step(ctx, s)
		if ctx.Err() != nil && s < stopping {
			s = stopping
		}
	}
}

// step does what is to be done in state s and returns the next one.
func (c *companion) step(ctx context.Context, s state) (next state) {
	defer func() {
		if r := recover(); r != nil {
			c.again(ctx, guard.Error(r))
			next = afterPanic[s]
		}
	}()
	switch s {
	case preparing:
		c.prepare(ctx)
		return registering
	case registering:
		return c.register(ctx)
	case subscribing:
		c.subscribe(ctx)
		return waiting
	case waiting:
		return c.wait(ctx)
	case invoked:
		c.hold(ctx)
		return waiting
	case unregistered:
		<-ctx.Done()
		return stopping
	case stopping:
		c.stop(context.WithoutCancel(ctx))
	}
	return ended
}
