package secretsapi

import (
	"sync"
	"time"
)

// Tick is how often a [Handler] wants to be told of the time where the
// environment may be restored from a snapshot.
const Tick = time.Second

// longest is the most time that may lie between two ticks of a program that runs.
const longest = 3 * time.Second

// A pause notices, by the wall clock, that the environment stood still.
type pause struct {
	mu   sync.Mutex
	last time.Time
}

// seen notes the time, and tells whether there was a pause before it.
func (p *pause) seen(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	gap := now.Sub(p.last)
	p.last = now
	return gap > longest || gap < -longest
}
