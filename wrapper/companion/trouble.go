package main

import (
	"context"
	"fmt"
	"time"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/guard"
)

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
