package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// An Environment is an execution environment with a function and its
// extensions in it. Its methods may be called from several goroutines.
type Environment struct {
	function  Function
	arn       string
	env       []string // of the runtime
	server    *server
	stage     *stage
	telemetry *stream
	slot      chan struct{} // held by the one who makes transitions

	live    context.Context // ends when Stop begins
	endLife context.CancelFunc
	patient context.Context // ends when nobody is to be waited for any more
	hurry   context.CancelFunc
	stop    sync.Once
	stopped error

	mu         sync.Mutex
	phase      Phase
	generation *generation
	initTook   time.Duration
}

// Start starts the extensions and the function and returns when its init is
// done: when the runtime and all extensions that registered ask for their
// first event. The error is an [InitError] if it did not come so far, a
// [NotAllowedError] if this machine does not allow the isolation, and else
// says what is wrong with f. In each of these cases nothing is left running.
//
// ctx bounds the init alone. An init that takes longer than the function's
// InitTimeout is no error: as in Lambda it is ended and tried again by the
// first invocation; until then the environment is [PhaseDown].
// The environment then runs until Stop.
func Start(ctx context.Context, f Function) (*Environment, error) {
	f, err := f.prepared()
	if err != nil {
		return nil, err
	}
	s, err := serve()
	if err != nil {
		return nil, err
	}
	stage, err := openNamedStage(f)
	if err != nil {
		s.close()
		return nil, err
	}
	env := environ(f, s.address, time.Now())
	e := &Environment{
		function: f,
		arn:      fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", getenv(env, "AWS_REGION"), account, f.Name),
		env:      env, server: s, stage: stage, telemetry: newStream(f.Events),
		slot:  make(chan struct{}, 1),
		phase: PhaseInit,
	}
	e.live, e.endLife = context.WithCancel(context.Background())
	e.patient, e.hurry = context.WithCancel(context.Background())
	if err := e.firstInit(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// openNamedStage is openStage with a hosts file that has the sandbox's name.
func openNamedStage(f Function) (*stage, error) {
	if f.NoSandboxName {
		return openStage(f, "")
	}
	hosts, err := writeHosts()
	if err != nil {
		return nil, err
	}
	if hosts != "" {
		// The mount keeps what it shows.
		defer os.Remove(hosts)
	}
	return openStage(f, hosts)
}

// firstInit makes the init before the first invocation.
func (e *Environment) firstInit(ctx context.Context) error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit := e.function.InitTimeout; limit > 0 {
		limited, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	err := e.init(limited)
	if err == nil {
		return e.rest()
	}
	g := e.now()
	var found *fault
	switch {
	case errors.As(err, &found):
	case ctx.Err() != nil:
		found = &fault{errorType: "Sandbox.Timedout", message: ctx.Err().Error(), cause: ctx.Err()}
	case limited.Err() != nil:
		return e.reset(ctx, timeout)
	}
	if trouble := e.reset(ctx, failure); trouble != nil {
		return errors.Join(err, trouble)
	}
	if found == nil {
		return err
	}
	exit := Exit{Code: -1}
	switch {
	case found.exit != nil:
		exit = *found.exit
	case g.process != nil:
		exit = g.process.exit
	}
	return &InitError{
		Type: found.errorType, Message: found.message, Body: found.body, Err: found.cause,
		ExitCode: exit.Code, Signal: exit.Signal,
	}
}

// init starts a new generation. The phase is init, and on an error stays so.
func (e *Environment) init(ctx context.Context) error {
	g := newGeneration(e)
	e.mu.Lock()
	e.generation = g
	e.mu.Unlock()
	e.server.current.Store(g)
	begin := time.Now()
	g.initStarted()
	err := g.init(ctx)
	g.initReported(err)
	e.mu.Lock()
	e.initTook = time.Since(begin)
	e.mu.Unlock()
	if err == nil {
		e.enter(PhaseReady)
		return nil
	}
	var found *fault
	if errors.As(err, &found) && found.body != nil {
		// A runtime that reported an error should end by itself.
		ctx, cancel := context.WithTimeout(ctx, stopGrace)
		defer cancel()
		select {
		case <-g.process.done:
		case <-ctx.Done():
		}
	}
	return err
}

// reset ends the generation. The phase becomes down.
func (e *Environment) reset(ctx context.Context, why reason) error {
	e.enter(PhaseResetting)
	err := e.now().end(ctx, why)
	e.enter(PhaseDown)
	return err
}

// now returns the current generation.
func (e *Environment) now() *generation {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.generation
}

// ARN returns the name that invocations give the function.
func (e *Environment) ARN() string { return e.arn }

// PID returns the process id of the runtime, or of the last one; 0 before it
// is started.
func (e *Environment) PID() int {
	g := e.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.process == nil {
		return 0
	}
	return g.process.pid
}

// InitDuration returns how long the last init took.
func (e *Environment) InitDuration() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.initTook
}
