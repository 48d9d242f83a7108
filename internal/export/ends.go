package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// rememberedEnds is more than can end between two calls of Ended: such an
	// environment has one invocation at a time.
	rememberedEnds = 64
	// beginWithin is how long the start of an invocation may take to be
	// delivered. Lambda holds events back for 25 ms there.
	beginWithin = time.Second
)

// ends remembers which invocations have begun, and which the runtime is done
// with.
type ends struct {
	clock  Clock
	mu     sync.Mutex
	begun  recent
	recent recent
	late   bool          // one did not come in time, and none has come since
	news   chan struct{} // closed and replaced with every event
}

// recent are the last requests of a kind.
type recent []string

func (r *recent) add(requests []string) {
	*r = append(*r, requests...)
	if extra := len(*r) - rememberedEnds; extra > 0 {
		*r = slices.Delete(*r, 0, extra)
	}
}

func newEnds(clock Clock) *ends { return &ends{clock: clock, news: make(chan struct{})} }

func (e *ends) note(begun, ended []string) {
	if len(begun)+len(ended) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.begun.add(begun)
	e.recent.add(ended)
	if len(ended) > 0 {
		e.late = false
	}
	close(e.news)
	e.news = make(chan struct{})
}

// await returns when the end of request has come, or is not worth waiting for.
func (e *ends) await(ctx context.Context, request string) error {
	patience := e.clock.After(beginWithin)
	for {
		e.mu.Lock()
		known, begun, news := e.late || slices.Contains(e.recent, request), slices.Contains(e.begun, request), e.news
		e.mu.Unlock()
		if known {
			return nil
		}
		if begun {
			patience = nil
		}
		var err error
		select {
		case <-news:
			continue
		case <-patience:
			err = errNotBegun
		case <-ctx.Done():
			err = ctx.Err()
		}
		e.mu.Lock()
		e.late = true
		e.mu.Unlock()
		return fmt.Errorf("end of the invocation: %w", err)
	}
}

var errNotBegun = errors.New("not even its start is delivered: not waiting")
