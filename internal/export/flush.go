package export

import (
	"context"
	"fmt"
	"time"
)

// hold begins the pause after a failure. It needs mu.
func (l *lane) hold(later *Later) {
	failures := l.failures
	if l.closing {
		l.tries++
		failures = l.tries
	}
	span := min(longestPause, firstPause<<min(failures-1, 10))
	l.asked = later != nil && later.After > 0
	if l.asked {
		span = later.After
	}
	l.pause = wait{l.clock.Now(), span}
}

// flush sends what was accepted until now. It returns early, without an error,
// if the endpoint is known not to be well; the lane goes on in its own time.
func (l *lane) flush(ctx context.Context) error {
	l.mu.Lock()
	target := l.stats.Accepted
	for {
		if l.stats.gone() >= target || len(l.queue.events) == 0 && l.inFlight == 0 {
			l.mu.Unlock()
			return nil
		}
		if l.stuck || l.pause.left(l.clock.Now()) > 0 {
			l.mu.Unlock()
			return nil
		}
		l.urgent = true
		settled := l.settled
		l.mu.Unlock()
		l.rouse()
		select {
		case <-settled:
		case <-ctx.Done():
			l.mu.Lock()
			l.stuck = true
			l.mu.Unlock()
			return fmt.Errorf("%s: %w", l.exporter.Name(), ctx.Err())
		}
		l.mu.Lock()
	}
}

// close sends what is left, while ctx allows; cancel must end run's context.
func (l *lane) close(ctx context.Context, cancel func()) LaneStats {
	l.mu.Lock()
	l.closing = true
	if deadline, ok := ctx.Deadline(); ok {
		l.until = l.clock.Now().Add(time.Until(deadline))
	}
	if !l.asked {
		l.pause = wait{}
	}
	l.mu.Unlock()
	l.rouse()
	select {
	case <-l.done:
	case <-ctx.Done():
		cancel()
		// What was under way is given the chance to be booked. An exporter that
		// does not mind its context is not waited for.
		select {
		case <-l.done:
		case <-l.clock.After(100 * time.Millisecond):
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	left := len(l.queue.events) + l.inFlight
	l.stats.Unsent += uint64(left)
	l.queue.events, l.queue.bytes, l.inFlight = nil, 0, 0
	return l.stats
}

func (l *lane) snapshot() LaneStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := l.stats
	stats.Queued = uint64(len(l.queue.events) + l.inFlight)
	return stats
}
