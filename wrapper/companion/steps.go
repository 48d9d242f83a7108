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
