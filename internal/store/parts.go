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

// do runs a part beside the others.
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

// A lane bounds how many parts run at once. Each service at each place has its
// own, so that one that hangs keeps no other waiting.
type lane chan struct{}

func newLane(n int) lane { return make(lane, n) }

// call runs a part beside the others as soon as there is room in its lane.
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
