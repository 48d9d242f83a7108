package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// An Environment is an execution environment with a function in it that has
// come through its init. Its methods may be called from several goroutines.
type Environment struct {
	function Function
	arn      string
	api      *api
	process  *process
	slot     chan struct{} // held by the one invocation that runs

	stopping chan struct{}
	stopOnce sync.Once
}

// Start starts the function and returns when its init is done: when the
// runtime asks for its first event. The error is an [InitError] if the
// function did not come so far, a [NotAllowedError] if this machine does not
// allow the isolation, and else says what is wrong with f. In each of these
// cases nothing is left running.
//
// ctx bounds the init alone; it has no other limit. The environment then runs until Stop.
func Start(ctx context.Context, f Function) (*Environment, error) {
	f, err := f.prepared()
	if err != nil {
		return nil, err
	}
	a, err := serveAPI()
	if err != nil {
		return nil, err
	}
	env := environ(f, a.address, time.Now())
	p, err := startProcess(f, env)
	if err != nil {
		a.close()
		return nil, initError(err)
	}
	e := &Environment{
		function: f,
		arn:      fmt.Sprintf("arn:aws:lambda:%s:012345678912:function:%s", getenv(env, "AWS_REGION"), f.Name),
		api:      a,
		process:  p,
		slot:     make(chan struct{}, 1),
		stopping: make(chan struct{}),
	}
	if err := e.init(ctx); err != nil {
		a.close()
		return nil, err
	}
	return e, nil
}

// init waits for the first of the things that end an init.
func (e *Environment) init(ctx context.Context) error {
	select {
	case <-e.api.ready:
		return nil
	case failure := <-e.api.failed:
		return e.initFailed(ctx, failure)
	case <-e.process.done:
		// The runtime may have said why it ends in its last moment.
		select {
		case failure := <-e.api.failed:
			return e.initFailed(ctx, failure)
		default:
		}
		exit := e.process.exit
		return &InitError{Type: "Runtime.ExitError", Message: exit.reason(), ExitCode: exit.Code, Signal: exit.Signal}
	case <-ctx.Done():
		if err := e.process.kill(); err != nil {
			return err
		}
		exit := e.process.exit
		return &InitError{
			Type: "Sandbox.Timedout", Message: ctx.Err().Error(),
			ExitCode: exit.Code, Signal: exit.Signal, Err: ctx.Err(),
		}
	}
}

// initFailed lets a runtime that reported an error end by itself, which it
// should do at once, and adds how it did.
func (e *Environment) initFailed(ctx context.Context, failure *InitError) error {
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-e.process.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	if err := e.process.kill(); err != nil {
		return errors.Join(failure, err)
	}
	failure.ExitCode, failure.Signal = e.process.exit.Code, e.process.exit.Signal
	return failure
}

// PID returns the process id of the runtime.
func (e *Environment) PID() int { return e.process.pid }

// Stop ends the function, SIGTERM first and SIGKILL after 600 ms or at the
// end of ctx, with everything that it started, and closes the Runtime API. An
// invocation that runs gets [ErrNotRunning]. Stop may be called again.
func (e *Environment) Stop(ctx context.Context) error {
	e.stopOnce.Do(func() { close(e.stopping) })
	err := e.process.stop(ctx, stopGrace)
	e.api.close()
	return err
}
