package local

import "time"

// An Init is when who was started and was ready in an init, one that failed
// too. The telemetry does not tell that.
type Init struct {
	Began, Ended time.Time
	Parts        []Part // in the order of their starts
}

// A Part is that of an extension, or of the runtime, in an init.
type Part struct {
	Name  string    // of the extension; empty for the runtime
	Began time.Time // when it was started; for an internal extension: registered
	Ready time.Time // when it asked for its first event; zero if it did not
}

// parts returns how the init that is just over went.
func (g *generation) parts() Init {
	all := Init{Began: g.initBegan, Ended: time.Now()}
	g.mu.Lock()
	defer g.mu.Unlock()
	part := func(a *agent) Part { return Part{Name: a.name, Began: a.began, Ready: a.readied} }
	internal := len(g.agents)
	for i, a := range g.agents {
		if !a.external {
			internal = i
			break
		}
		if !a.began.IsZero() {
			all.Parts = append(all.Parts, part(a))
		}
	}
	if !g.runtimeBegan.IsZero() {
		all.Parts = append(all.Parts, Part{Began: g.runtimeBegan, Ready: g.runtimeReady})
	}
	for _, a := range g.agents[internal:] {
		all.Parts = append(all.Parts, part(a))
	}
	return all
}

// An End is when a process was gone.
type End struct {
	Name string // of the extension; empty for the runtime
	At   time.Time
}

// Ends returns when the processes that Lambda started last were gone: the
// runtime, and the external extensions in their order. It is for after Stop.
func (e *Environment) Ends() []End {
	g := e.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	var ends []End
	add := func(name string, p *process) {
		if p == nil {
			return
		}
		select {
		case <-p.done:
			ends = append(ends, End{name, p.ended})
		default: // nothing ends it but the end of this program
		}
	}
	add("", g.process)
	for _, a := range g.agents {
		add(a.name, a.process)
	}
	return ends
}
