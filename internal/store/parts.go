package store

import (
	"time"

	"github.com/graft-lambda/graft/internal/guard"
)

const (
	// parallel bounds how many calls are under way at once to one service at one
	// place, parallelFiles how many files are open.
	parallel      = 8
	parallelFiles = 64
	// lastWords is how long calls get to say why the deadline found them waiting.
	lastWords = 200 * time.Millisecond
)

// do has a part run beside the others.
func (f *fetch) do(part func()) {
	f.running.Go(func() {
		err := guard.Call(func() error {
			part()
			return nil
		})
		if err != nil {
			f.mu.Lock()
			f.broken = err
			f.mu.Unlock()
		}
	})
}

// A lane is what may be under way at once. A service that hangs keeps no other
// waiting: each has its own.
type lane chan struct{}

func newLane(n int) lane { return make(lane, n) }

// call has a part run beside the others when there is room in its lane.
func (f *fetch) call(l lane, part func()) {
	f.do(func() {
		select {
		case l <- struct{}{}:
			defer func() { <-l }()
			part()
		case <-f.ctx.Done():
		}
	})
}

// wait returns when everything is known or the time is over.
func (f *fetch) wait() error {
	done := make(chan struct{})
	go func() {
		f.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-f.ctx.Done():
		// The calls end with the context; a file of a hung file system does not.
		select {
		case <-done:
		case <-time.After(lastWords):
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}
