package local

// SetClock sets the clock of the process ahead, as Advance does with each that
// it finds.
func SetClock(e *Environment, pid int, seconds int64) error {
	return e.stage.namespace.setClock(pid, seconds)
}
