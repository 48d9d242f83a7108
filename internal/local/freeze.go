package local

// rest freezes an environment that is ready, if the function wants it so.
// Everybody is in next then: nothing is stopped in the middle of its work but
// what was not to go on after the invocation.
func (e *Environment) rest() error {
	if !e.function.Freeze {
		return nil
	}
	e.telemetry.freeze(true)
	if err := e.stage.freeze(); err != nil {
		e.telemetry.freeze(false)
		return err
	}
	e.enter(PhaseFrozen)
	return nil
}

// thaw lets a frozen environment go on.
func (e *Environment) thaw() error {
	e.stage.thaw()
	e.telemetry.freeze(false)
	e.enter(PhaseReady)
	return nil
}
