package export

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// rememberedEnds is more than can end between two calls of Ended: such an
// environment has one invocation at a time.
const rememberedEnds = 64

// ends remembers which invocations the runtime is done with.
type ends struct {
	mu     sync.Mutex
	recent []string
	late   bool          // one did not come in time, and none has come since
	news   chan struct{} // closed and replaced with every end
}

func newEnds() *ends { return &ends{news: make(chan struct{})} }

func (e *ends) note(requests []string) {
	if len(requests) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.recent = append(e.recent, requests...)
	if extra := len(e.recent) - rememberedEnds; extra > 0 {
		e.recent = slices.Delete(e.recent, 0, extra)
	}
	e.late = false
	close(e.news)
	e.news = make(chan struct{})
}

func (e *ends) await(ctx context.Context, request string) error {
	for {
		e.mu.Lock()
		known, news := e.late || slices.Contains(e.recent, request), e.news
		e.mu.Unlock()
		if known {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			e.mu.Lock()
			e.late = true
			e.mu.Unlock()
			return fmt.Errorf("end of the invocation: %w", ctx.Err())
		}
	}
}
