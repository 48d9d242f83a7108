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
	slot      chan struct{} // one place for each invocation; who holds all is alone

	live    context.Context // ends when Stop begins
	endLife context.CancelFunc
	patient context.Context // ends when nobody is to be waited for any more
	hurry   context.CancelFunc
	stop    sync.Once
	stopped error

	mu          sync.Mutex
	phase       Phase
	running     int // invocations in PhaseInvoking
	generation  *generation
	initTook    time.Duration
	initError   *InitError
	restoreTook time.Duration
	trouble     error // in the end of one that ended by itself
}

// Start starts the extensions and the function and returns when its init is
// done: when the runtime and all extensions that registered ask for their
// first event. The error is an [InitError] if it did not come so far, a
// [NotAllowedError] if this machine does not allow the isolation, and else
// says what is wrong with f. In each of these cases nothing is left running.
//
// ctx bounds the init alone. The init of an on-demand function that takes
// longer than its InitTimeout is no error: as in Lambda it is ended and tried
// again by the first invocation; until then the environment is [PhaseDown].
// With RetryInit that is so too if it fails in another way. A snap-start
// function is [PhaseSnapshotted] after its init, until [Environment.Restore].
// The environment then runs until Stop.
func Start(ctx context.Context, f Function) (*Environment, error) {
	f, err := f.prepared()
	if err != nil {
		return nil, err
	}
	token := randomHex(16)
	s, err := serve(f, token)
	if err != nil {
		return nil, err
	}
	stage, err := openNamedStage(f)
	if err != nil {
		s.close()
		return nil, err
	}
	env := environ(f, s.address, token, time.Now())
	e := &Environment{
		function: f,
		arn:      fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", getenv(env, "AWS_REGION"), account, f.Name),
		env:      env, server: s, stage: stage, telemetry: newStream(f.Events),
		slot:  make(chan struct{}, f.Concurrency),
		phase: PhaseInit,
	}
	e.live, e.endLife = context.WithCancel(context.Background())
	e.patient, e.hurry = context.WithCancel(context.Background())
	if err := e.firstInit(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if f.InitType == ManagedInstances {
		go e.guard()
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

// firstInit makes the init before the first invocation. It is no error if that
// fails and the first invocation is to try again.
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
	g, why := e.now(), failure
	retry := e.function.InitType == OnDemand && e.function.RetryInit
	var found *fault
	switch {
	case errors.As(err, &found):
	case ctx.Err() != nil:
		found, retry = &fault{errorType: "Sandbox.Timedout", message: ctx.Err().Error(), cause: ctx.Err()}, false
	case limited.Err() != nil:
		message := fmt.Sprintf("init took longer than %v", e.function.InitTimeout)
		found, why = &fault{errorType: "Sandbox.Timedout", message: message, cause: limited.Err()}, timeout
		retry = e.function.InitType == OnDemand
	}
	if trouble := e.reset(ctx, why); trouble != nil {
		return errors.Join(err, trouble)
	}
	if found == nil {
		return err
	}
	failed := g.initFailure(found)
	if !retry {
		return failed
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.initError = failed
	return nil
}

// initFailure returns what kept g, which has ended, from getting ready.
func (g *generation) initFailure(found *fault) *InitError {
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
	if err == nil && e.function.InitType == SnapStart {
		return e.snapshot()
	}
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

// InitError returns why the init before the first invocation failed, if that
// was no error of Start; else nil.
func (e *Environment) InitError() *InitError {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.initError
}

// InitDuration returns how long the last init took.
func (e *Environment) InitDuration() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.initTook
}
