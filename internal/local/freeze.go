package local

// rest freezes an environment that is ready, if the function wants it so.
// Everybody is in next then: nothing is stopped in the middle of its work but
// what was not to go on after the invocation.
func (e *Environment) rest() error {
	if !e.function.Freeze || e.Phase() != PhaseReady || e.function.InitType == ManagedInstances {
		return nil
	}
	if err := e.freeze(); err != nil {
		return err
	}
	e.enter(PhaseFrozen)
	return nil
}

// freeze freezes all processes, with their clocks as they are to be.
func (e *Environment) freeze() error {
	e.telemetry.freeze(true)
	err := e.stage.freeze()
	if err == nil {
		err = e.setClocks()
	}
	if err != nil {
		e.unfreeze()
	}
	return err
}

// unfreeze lets all processes go on, and the telemetry reach them.
func (e *Environment) unfreeze() {
	e.stage.thaw()
	e.telemetry.freeze(false)
}

// thaw lets a frozen environment go on.
func (e *Environment) thaw() error {
	e.unfreeze()
	e.enter(PhaseReady)
	return nil
}
