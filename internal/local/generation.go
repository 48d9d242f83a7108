package local

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A generation is one runtime and its extensions, from the init that starts
// them until they are ended together. After a reset there is another one, in
// which all start anew and get new identifiers.
//
// The requests that they make and the ends of their processes change its
// fields, under mu; each change is made known with note. What happens next is
// decided in one place: the environment's goroutine, which waits in reach for
// a condition over the fields.
type generation struct {
	function Function
	arn      string
	env      []string // of the runtime
	stage    *stage
	closed   chan struct{} // closed when all has ended

	telemetry *stream
	phase     string    // of its init, as the events name it
	initBegan time.Time // valid once the init has begun
	// The runtime's part in it.
	runtimeBegan, runtimeReady time.Time

	mu      sync.Mutex
	changed chan struct{} // closed by the next change

	// The runtime.
	state   state           // apart from what it does with an invocation
	waiting int             // so many next are open
	offered []*invocation   // for those that ask next, in order
	current []*invocation   // delivered, and not over
	late    map[string]bool // ids of those whose caller waits no longer
	process *process        // nil before it is started

	// The extensions.
	agents []*agent // external ones first
	sealed bool     // nobody can register any more

	// ahead is by how much the clock of the processes is further than the
	// machine's. Who changes it holds the slot too.
	ahead time.Duration

	ending   bool   // the end of a process is no fault any more
	reported string // type of the first error that an extension reported
	fault    *fault // the first
}

// A fault is why a generation cannot go on.
type fault struct {
	errorType string // as Lambda names it
	message   string
	exit      *Exit  // of the process it is about; nil: the runtime, which has not ended yet
	body      []byte // what the runtime posted to init/error
	cause     error
}

func (f *fault) Error() string { return f.errorType + ": " + f.message }
func (f *fault) Unwrap() error { return f.cause }

// errEnded is what waiting ends with when the generation has.
var errEnded = errors.New("generation: ended")

// The phases of an init: before the first invocation, or as part of one.
const phaseInit, phaseInvoke = "init", "invoke"

func newGeneration(e *Environment) *generation {
	phase := phaseInit
	if e.now() != nil {
		phase = phaseInvoke
	}
	return &generation{
		function: e.function, arn: e.arn, env: e.env, stage: e.stage,
		closed: make(chan struct{}), changed: make(chan struct{}), state: started,
		late:      make(map[string]bool),
		telemetry: e.telemetry, phase: phase,
	}
}

// note wakes all that wait for a change. The caller holds mu.
func (g *generation) note() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// until returns when condition, which is called with mu held, is true. The
// error is that of ctx, or errEnded.
func (g *generation) until(ctx context.Context, condition func() bool) error {
	for {
		g.mu.Lock()
		ok, changed := condition(), g.changed
		g.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-g.closed:
			return errEnded
		}
	}
}

// reach is until for the environment: a fault ends it too, and is the error.
func (g *generation) reach(ctx context.Context, condition func() bool) error {
	var found *fault
	err := g.until(ctx, func() bool {
		found = g.fault
		return found != nil || condition()
	})
	if err == nil && found != nil {
		return found
	}
	return err
}

// fail takes note of a fault, if it is the first. The caller holds mu.
func (g *generation) fail(f *fault) {
	if g.ending || g.fault != nil {
		return
	}
	if g.reported != "" {
		f.errorType = g.reported
	}
	g.fault = f
	g.note()
}

// watch waits for the end of the runtime or, if a is not nil, of an
// extension. Outside of a shutdown that is a fault, whatever the exit code.
func (g *generation) watch(p *process, a *agent) {
	<-p.done
	g.mu.Lock()
	defer g.mu.Unlock()
	f := &fault{exit: &p.exit, errorType: "Runtime.ExitError", message: p.exit.reason()}
	if a != nil {
		f.errorType, f.message = "Extension.Crash", p.exit.String()
		if p.exit == (Exit{}) {
			f.message = "exit code 0"
		}
	}
	g.fail(f)
	if a != nil && g.ending {
		a.left(p.exit)
	}
	g.note()
}

// invoke delivers inv to the runtime and, as an event, to the extensions that
// asked for it, and returns when all of them want the next one.
func (g *generation) invoke(ctx context.Context, inv *invocation) error {
	g.mu.Lock()
	if g.fault == nil {
		inv.told = inv.deadline.Add(g.ahead)
		g.offered = append(g.offered, inv)
		for _, a := range g.agents {
			if a.events[invokeEvent] {
				a.deliver(inv.event())
			}
		}
		g.note()
	}
	g.mu.Unlock()
	if err := g.runtimeDone(inv, g.reach(ctx, func() bool { return inv.over })); err != nil {
		return err
	}
	return g.reach(ctx, func() bool {
		for _, a := range g.agents {
			if a.owes {
				return false
			}
		}
		return true
	})
}
