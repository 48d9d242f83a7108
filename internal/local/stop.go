package local

import (
	"context"
	"errors"
)

// Stop ends the function and the extensions as Lambda does, with everything
// that they started, and closes the API. Without extensions the runtime is
// killed at once; else it gets a SIGTERM, and then the external extensions the
// event SHUTDOWN, within 2 s (500 ms if there are only internal ones) or until
// the end of ctx. An invocation that runs gets [ErrNotRunning]. Stop may be
// called again.
func (e *Environment) Stop(ctx context.Context) error {
	e.stop.Do(func() {
		e.endLife()
		defer context.AfterFunc(ctx, e.hurry)()
		for range cap(e.slot) {
			e.slot <- struct{}{} // never given back
		}
		err := e.trouble
		switch e.Phase() {
		case PhaseFrozen:
			err = errors.Join(err, e.thaw())
		case PhaseSnapshotted:
			e.unfreeze()
		}
		down := e.Phase() == PhaseDown
		e.enter(PhaseStopping)
		if !down {
			why := spindown
			if e.gone() != nil {
				why = failure // which it would have ended with by itself
			}
			err = errors.Join(err, e.now().end(e.patient, why))
		}
		e.enter(PhaseStopped)
		e.stopped = errors.Join(err, e.close())
	})
	return e.stopped
}

// close lets go of the namespace and of the address.
func (e *Environment) close() error {
	err := e.stage.close()
	e.server.close()
	return err
}
