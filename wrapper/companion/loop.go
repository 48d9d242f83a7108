package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

func (c *companion) prepare(ctx context.Context) {
	c.job = decide(c.machine)
	for _, p := range c.job.problems {
		c.say(fragment.Warn, "%s", p)
	}
	c.events = c.job.events
	if len(c.job.programs) > 0 {
		c.supervisor = supervise.New(c.stdout, c.stderr, func(format string, args ...any) {
			c.say(fragment.Warn, format, args...)
		})
		if c.forked {
			for i, p := range c.job.programs {
				c.job.programs[i].Timeout = min(p.Timeout, forkedGate)
			}
		}
		defer context.AfterFunc(ctx, func() {
			_ = guard.Call(func() error { c.supervisor.Stop(forkedEnd); return nil })
		})()
		if slices.ContainsFunc(c.job.programs, func(p supervise.Program) bool { return p.Ready.By != fragment.ReadyNone }) {
			c.settle() // it may take seconds until they are ready
		}
		c.supervisor.Start(c.job.programs)
	}
}

func (c *companion) register(ctx context.Context) state {
	reg, err := c.api.Register(ctx, c.name, c.events...)
	c.settle()
	switch {
	case err == nil:
		c.trouble = trouble{}
		c.reg = reg
		c.tellWrapper()
		return subscribing
	case extension.Refused(err, extension.InvalidEventType) && len(c.events) > 0:
		c.say(fragment.Info, "%v: registering without %s", err, c.events[0])
		c.events = c.events[1:]
		return registering
	case c.forked && extension.Refused(err, extension.InvalidExtensionState):
		// Another one is registered under this name: graft runs twice here.
		c.tellWrapper()
		return stopping
	case c.forked && extension.Refused(err, extension.RegistrationClosed):
		c.say(fragment.Warn, "%v: too late: going on without telemetry", err)
		return unregistered
	case ctx.Err() != nil:
		return stopping
	}
	c.again(ctx, err)
	return registering
}

// tellWrapper lets the runtime start.
func (c *companion) tellWrapper() {
	if c.wrapper != nil {
		tell(c.wrapper, registeredWord)
	}
}

func (c *companion) subscribe(ctx context.Context) {
	if !c.job.watches() || c.telemetry == nil {
		return
	}
	reg, wish := c.reg, c.job.wish
	err := within(ctx, subscribeLimit, func(ctx context.Context) error {
		return c.telemetry.Start(ctx, c.api, reg, wish)
	})
	switch {
	case errors.Is(err, extension.ErrNoTelemetry):
		// AWS's emulator says so, which is no fault of anyone.
		c.say(fragment.Info, "%v", err)
	case err != nil:
		c.say(fragment.Warn, "no telemetry: %v", err)
	}
}

func (c *companion) wait(ctx context.Context) state {
	e, err := c.api.Next(ctx, c.reg.ID)
	switch {
	case c.forked && extension.Refused(err, extension.UnknownExtension):
		// The environment was reset, and this one forgotten.
		return stopping
	case ctx.Err() != nil:
		return stopping
	case err != nil:
		c.again(ctx, err)
		return waiting
	case e.Type == extension.Invoke:
		c.trouble = trouble{}
		c.event = e
		return invoked
	case e.Type == extension.Shutdown:
		c.event = e
		return stopping
	}
	c.again(ctx, fmt.Errorf("next: an event of a type unknown here"))
	return waiting
}

func (c *companion) hold(ctx context.Context) {
	if !c.job.watches() || c.telemetry == nil {
		return
	}
	event := c.event
	// Until the runtime is done with it, which only telemetry tells.
	limit := min(event.Deadline.Sub(c.now()), invokedMost)
	if limit <= 0 {
		limit = invokedUsual
	}
	err := within(ctx, limit, func(ctx context.Context) error {
		c.telemetry.Invoked(ctx, event)
		return nil
	})
	if err != nil {
		c.say(fragment.Warn, "telemetry: %v", err)
	}
}

func (c *companion) stop(ctx context.Context) {
	left := forkedEnd
	if !c.forked {
		left = shutdownTime(c.event.Deadline.Sub(c.now()))
	}
	end := c.now().Add(left)
	// A program may be what telemetry is sent to: it goes last.
	if c.job.watches() && c.telemetry != nil {
		err := within(ctx, end.Sub(c.now())/2, func(ctx context.Context) error {
			c.telemetry.Flush(ctx)
			return nil
		})
		if err != nil {
			c.say(fragment.Warn, "telemetry: %v", err)
		}
	}
	if c.supervisor != nil {
		c.supervisor.Stop(end.Sub(c.now()))
	}
}

// shutdownTime returns how long programs may take to end, of the time that is
// left until Lambda kills everything.
func shutdownTime(left time.Duration) time.Duration {
	if left <= 0 || left > shutdownMost {
		left = shutdownUsual
	}
	return max(left-exitTime, left/4)
}

// again says what went wrong and waits a while.
func (c *companion) again(ctx context.Context, err error) {
	delay, say := c.trouble.next()
	if say {
		c.say(fragment.Warn, "%v: trying again", err)
	}
	c.sleep(ctx, delay)
}

// A trouble is how often in a row something went wrong.
type trouble struct{ times int }

const (
	firstDelay = 20 * time.Millisecond
	mostDelay  = time.Second
)

// next counts and returns how long to wait; say is true for the first, second,
// fourth, eighth … time.
func (t *trouble) next() (delay time.Duration, say bool) {
	delay = min(firstDelay<<min(t.times, 10), mostDelay)
	t.times++
	return delay, t.times&(t.times-1) == 0
}

// within calls f and returns when that does, or panics, or limit or ctx is over;
// then f is left to itself, so it must share nothing that changes.
func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	over := time.NewTimer(limit + slack)
	defer over.Stop()
	defer context.AfterFunc(ctx, func() { over.Reset(slack) })()
	ctx, cancel := context.WithTimeout(ctx, limit)
	result := make(chan error, 1)
	go func() {
		defer cancel()
		result <- guard.Call(func() error { return f(ctx) })
	}()
	select {
	case err := <-result:
		return err
	case <-over.C:
		return fmt.Errorf("not done after %v: going on without waiting", limit.Round(time.Millisecond))
	}
}

// say prints one line if GRAFT_LOG wants it.
func (c *companion) say(level fragment.Level, format string, args ...any) {
	if c.job.log < level {
		return
	}
	// Nobody may be listening any more; that is no reason to stop.
	c.settle()
	_, _ = fmt.Fprintf(c.stderr, linePrefix+format+"\n", args...)
}
