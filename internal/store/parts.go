package store

import (
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/guard"
)

const (
	// parallel bounds how many calls are under way at once to one service at one
	// place, parallelFiles how many files are open.
	parallel      = 8
	parallelFiles = 64
	// lastWords is how long calls of services get to say why the deadline found
	// them waiting. They end with the context, and need next to nothing of it.
	lastWords = 200 * time.Millisecond
)

// do has a part of a group run beside the others.
func (f *fetch) do(group *sync.WaitGroup, part func()) {
	group.Go(func() {
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

// A lane is what may be under way at once, and the group that it belongs to. A
// service that hangs keeps no other waiting: each has its own.
type lane struct {
	group *sync.WaitGroup
	room  chan struct{}
}

func newLane(group *sync.WaitGroup, n int) lane { return lane{group, make(chan struct{}, n)} }

// call has a part run beside the others when there is room in its lane.
func (f *fetch) call(l lane, part func()) {
	f.do(l.group, func() {
		select {
		case l.room <- struct{}{}:
			defer func() { <-l.room }()
			part()
		case <-f.ctx.Done():
		}
	})
}

// wait returns when everything is known or the time is over.
func (f *fetch) wait() error {
	services, all := make(chan struct{}), make(chan struct{})
	go func() {
		f.services.Wait()
		close(services)
		f.files.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-f.ctx.Done():
		// A file of a hung file system does not end with the context, and has
		// nothing to say; neither has a configuration that is read from one.
		select {
		case <-f.opened:
			select {
			case <-services:
			case <-time.After(lastWords):
			}
		default:
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}
