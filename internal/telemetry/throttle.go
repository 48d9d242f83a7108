package telemetry

import (
	"fmt"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/guard"
)

// A Throttle passes on lines, but of each kind at most one in a while. It is
// safe for concurrent use. A nil Throttle says nothing.
type Throttle struct {
	say   func(line string)
	every time.Duration
	now   func() time.Time

	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	last   time.Time
	unsaid int
}

// NewThrottle passes lines to say, one of each kind in the time of every. A
// nil now is the system's clock.
func NewThrottle(say func(line string), every time.Duration, now func() time.Time) *Throttle {
	if now == nil {
		now = time.Now
	}
	if say == nil {
		say = func(string) {}
	}
	return &Throttle{say: say, every: every, now: now, kinds: map[string]*kind{}}
}

// Say passes line on, with the number of its kind that were left unsaid
// before. Kinds are few and fixed: each is remembered for good.
func (t *Throttle) Say(of, line string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	now, seen := t.now(), t.kinds[of]
	if seen == nil {
		seen = &kind{last: now.Add(-t.every)}
		t.kinds[of] = seen
	}
	// A clock that was set back must not silence us until it has caught up.
	if passed := now.Sub(seen.last); passed >= 0 && passed < t.every {
		seen.unsaid++
		t.mu.Unlock()
		return
	}
	unsaid := seen.unsaid
	seen.last, seen.unsaid = now, 0
	t.mu.Unlock()
	if unsaid > 0 {
		line = fmt.Sprintf("%s (and %d like it before)", line, unsaid)
	}
	// It is said by goroutines of all kinds, some of net/http.
	_ = guard.Call(func() error { t.say(line); return nil })
}
