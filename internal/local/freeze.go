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
	if err := e.stage.freeze(); err != nil {
		return err
	}
	return e.setClocks()
}

// thaw lets a frozen environment go on.
func (e *Environment) thaw() error {
	e.stage.thaw()
	e.enter(PhaseReady)
	return nil
}
