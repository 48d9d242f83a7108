package supervise

import "time"

// A pace is a delay that doubles.
type pace struct {
	first, most time.Duration
	last        time.Duration
}

// next returns the next delay.
func (p *pace) next() time.Duration {
	p.last = min(max(2*p.last, p.first), p.most)
	return p.last
}
