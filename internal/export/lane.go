package export

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/guard"
	"github.com/graft-lambda/graft/internal/telemetry"
)

// How a lane waits.
const (
	// linger is how long an event may wait for others. It is also how soon
	// after a thaw the lane goes on.
	linger = time.Second
	// firstPause doubles with every failure, up to longestPause.
	firstPause   = 200 * time.Millisecond
	longestPause = 30 * time.Second
	// closingTries bounds the attempts that fail while the lane is closing.
	closingTries = 4
)

// A lane brings events to one exporter, in order, from a queue of its own. One
// goroutine sends; everything else only touches the queue.
type lane struct {
	exporter Exporter
	clock    Clock
	fail     func(name string, err error)
	wake     chan struct{} // of capacity 1
	done     chan struct{} // closed when run has returned

	mu       sync.Mutex
	queue    queue
	inFlight int       // events of the attempt that is being made
	oldest   time.Time // when the queue last stopped being empty
	urgent   bool      // send without waiting for more
	stats    LaneStats
	settled  chan struct{} // closed and replaced after every attempt

	failures int  // in a row
	pause    wait // before the next attempt
	asked    bool // the endpoint asked for the pause
	stuck    bool // a Flush has waited in vain, and nothing has succeeded since
	closing  bool
	tries    int       // failed attempts since closing
	until    time.Time // when closing must be over; zero: no such time
	closed   bool
	told     uint64 // of stats.Overflow
}

func newLane(exporter Exporter, limits Limits, clock Clock, fail func(string, error)) *lane {
	return &lane{
		exporter: exporter,
		clock:    clock,
		fail:     fail,
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		queue:    queue{limits: limits.orDefault()},
		stats:    LaneStats{Exporter: exporter.Name()},
		settled:  make(chan struct{}),
	}
}

// add takes in the events that the exporter wants.
func (l *lane) add(events []telemetry.Event, urgent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.queue.events)
	for _, event := range events {
		if !l.exporter.Wants(event.Type) {
			continue
		}
		l.stats.Accepted++
		if l.closed {
			l.stats.Unsent++
			continue
		}
		if len(l.queue.events) == 0 {
			l.oldest = l.clock.Now()
		}
		l.stats.Overflow += uint64(l.queue.push(event))
	}
	l.urgent = l.urgent || urgent && len(l.queue.events) > 0
	if l.urgent || l.queue.full() || before == 0 && len(l.queue.events) > 0 {
		l.rouse()
	}
}

func (l *lane) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// never is the wait of a lane that has nothing to do.
const never = time.Duration(1<<63 - 1)

// due is how long to wait for the next attempt. It needs mu.
func (l *lane) due() time.Duration {
	now := l.clock.Now()
	if len(l.queue.events) == 0 {
		return never
	}
	if left := l.pause.left(now); left > 0 {
		return left
	}
	if l.urgent || l.closing || l.queue.full() {
		return 0
	}
	return max(0, wait{l.oldest, linger}.left(now))
}

// run sends until ctx ends, or until the lane is closing and has nothing left
// that is worth an attempt.
func (l *lane) run(ctx context.Context) {
	defer close(l.done)
	for ctx.Err() == nil {
		l.mu.Lock()
		if l.closing && l.hopeless() {
			l.mu.Unlock()
			return
		}
		due := l.due()
		var batch []telemetry.Event
		if due <= 0 {
			batch = l.queue.pop()
			l.inFlight = len(batch)
		}
		l.mu.Unlock()
		if len(batch) > 0 {
			l.settle(batch, l.attempt(ctx, batch), ctx.Err() != nil)
			continue
		}
		var alarm <-chan time.Time
		if due != never {
			alarm = l.clock.After(due)
		}
		select {
		case <-l.wake:
		case <-alarm:
		case <-ctx.Done():
		}
	}
}

// hopeless says whether a lane that is closing has nothing left that is worth
// an attempt. It needs mu.
func (l *lane) hopeless() bool {
	if len(l.queue.events) == 0 || l.tries >= closingTries {
		return true
	}
	now := l.clock.Now()
	return !l.until.IsZero() && l.pause.left(now) > l.until.Sub(now)
}

// attempt outlives an exporter that panics: its batch is refused.
func (l *lane) attempt(ctx context.Context, batch []telemetry.Event) error {
	return guard.Call(func() error { return l.exporter.Export(ctx, batch) })
}

// settle books the outcome of an attempt, and says what there is to say of it.
func (l *lane) settle(batch []telemetry.Event, err error, cancelled bool) {
	dropped, late := l.book(batch, err, cancelled)
	if late {
		return
	}
	if dropped > 0 {
		// Not only at the end, of which not everybody is left the time to tell.
		l.fail(l.exporter.Name(), overflow(dropped))
	}
	if err != nil && !cancelled {
		l.fail(l.exporter.Name(), err)
	}
}

// book books the outcome of an attempt. It returns how many events were dropped
// since the queue was last empty, if it is, and whether it came too late, and
// was booked as unsent.
func (l *lane) book(batch []telemetry.Event, err error, cancelled bool) (dropped uint64, late bool) {
	n := len(batch)
	var later *Later
	var partial *Partial
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, true
	}
	switch {
	case err == nil:
		l.stats.Exported += uint64(n)
		l.failures, l.stuck = 0, false
	case errors.As(err, &later) || cancelled:
		l.stats.Overflow += uint64(l.queue.unpop(batch))
		l.stats.Retries++
		l.urgent = true // they have waited long enough, but for the pause
		l.failures++
		l.hold(later)
	case errors.As(err, &partial):
		refused := min(n, max(0, partial.Refused))
		l.stats.Refused += uint64(refused)
		l.stats.Exported += uint64(n - refused)
		l.failures, l.stuck = 0, false
	default:
		l.stats.Refused += uint64(n)
		l.failures, l.stuck = 0, false
	}
	l.inFlight = 0
	if len(l.queue.events) == 0 {
		l.urgent = false
		dropped, l.told = l.stats.Overflow-l.told, l.stats.Overflow
	}
	close(l.settled)
	l.settled = make(chan struct{})
	return dropped, false
}

// An overflow is how many events were dropped, until the queue was empty again.
type overflow uint64

func (o overflow) Error() string {
	return fmt.Sprintf("%d events dropped: the queue was full", uint64(o))
}
