package local

import (
	"context"
	"fmt"
	"time"
)

// Advance makes the time that the environment is frozen longer by d, rounded up
// to seconds, without waiting for it: when it goes on its processes find
// CLOCK_REALTIME so much further, in clock_gettime, gettimeofday and time. The
// machine's clock stays as it is. It can be called again, for more. The
// deadlines that the processes are told are by their clock.
//
// The environment must be [PhaseFrozen] or [PhaseSnapshotted]. What Lambda
// makes of the clocks of a frozen environment is not published; that the wall
// clock is right after it can be seen there. CLOCK_MONOTONIC and the timers of
// the kernel do not jump here. Nor do clocks that are read by a bare system
// call, and those of a program that is started later, until the next freeze. A
// reset starts all with the machine's clock again.
//
// On other machines than amd64 the error wraps [errors.ErrUnsupported].
func (e *Environment) Advance(ctx context.Context, d time.Duration) error {
	if err := e.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-e.slot }()
	if p := e.Phase(); p != PhaseFrozen && p != PhaseSnapshotted {
		return fmt.Errorf("advance: the environment is %s, not %s", p, PhaseFrozen)
	}
	if d < 0 {
		return fmt.Errorf("advance: %v: time does not go back", d)
	}
	g := e.now()
	g.mu.Lock()
	g.ahead += (d + time.Second - 1).Truncate(time.Second)
	g.mu.Unlock()
	return e.setClocks()
}

// setClocks has all processes, which are frozen, find the clock where it is for
// them by now.
func (e *Environment) setClocks() error {
	g := e.now()
	if g.ahead == 0 {
		return nil
	}
	return e.stage.setClocks(g.ahead)
}
