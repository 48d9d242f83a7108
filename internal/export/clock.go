package export

import "time"

// A Clock tells the time and waits. Both are the wall's: an environment that
// was frozen finds it moved on.
type Clock struct {
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock. Its times have no monotonic part, since
// that may stand still while the environment is frozen.
func SystemClock() Clock {
	return Clock{
		Now:   func() time.Time { return time.Now().Round(0) },
		After: time.After,
	}
}

// A wait is a span of time that began at some point. A clock that was set back
// ends it.
type wait struct {
	since time.Time
	span  time.Duration
}

// left is how much of the wait is still to come; 0 or less: it is over.
func (w wait) left(now time.Time) time.Duration {
	if now.Before(w.since) {
		return 0
	}
	return w.span - now.Sub(w.since)
}
