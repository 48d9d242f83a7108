package local

import (
	"errors"
	"fmt"
)

// guard waits for the end of a process on Managed Instances, which ends the
// environment for good: there is no reset.
func (e *Environment) guard() {
	var found *fault
	err := e.now().reach(e.live, func() bool { return false })
	// Those who invoke have the fault too, and make room.
	if !errors.As(err, &found) || !e.seize() {
		return
	}
	e.trouble = e.reset(e.patient, failure)
	e.release()
}

// gone returns what an invocation gets on Managed Instances once a process has
// ended.
func (e *Environment) gone() error {
	g := e.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.several() && g.fault != nil {
		return fmt.Errorf("%w: %w", ErrNotRunning, g.fault)
	}
	return nil
}

// seize takes all places, and tells whether it could: not when Stop wants them.
func (e *Environment) seize() bool {
	for i := range cap(e.slot) {
		select {
		case e.slot <- struct{}{}:
		case <-e.live.Done():
			for range i {
				<-e.slot
			}
			return false
		}
	}
	return true
}

// release gives all places back.
func (e *Environment) release() {
	for range cap(e.slot) {
		<-e.slot
	}
}
