// Package session is one `graft run`: a function with its layers in the local
// Lambda environment, the events that it gets, and what is shown of it.
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/show"
	"github.com/graft-lambda/graft/internal/timeline"
)

// A Session says what to do. Function and Stdout, Stderr must be set.
type Session struct {
	// Function is what runs. It must have Code. Its layers may be zips; [Vet]
	// tells before whether they and the code are there. What it writes, and its
	// events, are the session's: those fields are set here, and RetryInit, as
	// Lambda does.
	Function local.Function
	// Events are the payloads, JSON. They are sent Count times in all, from the
	// first again after the last.
	Events [][]byte
	Count  int
	// Serve, if not empty, is the address to offer Lambda's Invoke API at,
	// instead of sending events. See [ServeAddress].
	Serve string
	// JSON has one [Document] on Stdout at the end instead of the answers, and no
	// timeline on Stderr.
	JSON bool
	// Telemetry has each event of the telemetry as a line of JSON on Stderr.
	Telemetry bool
	// Style is that of the timeline.
	Style timeline.Style

	Stdout io.Writer // the answers
	Stderr io.Writer // everything else
}

// ErrFailed is returned after an init or an invocation that failed. All about
// it has been shown by then.
var ErrFailed = errors.New("session: the function failed")

// stopLimit bounds the shutdown; Lambda's own limits are far below.
const stopLimit = 30 * time.Second

// Run runs the session to its end. When ctx ends, all is shut down in
// Lambda's order, what there is is shown, and the error is that of ctx. Other
// errors are [ErrFailed], a [local.NotAllowedError], or say what is wrong with
// the function.
func (s Session) Run(ctx context.Context) (err error) {
	layers, remove, err := unpack(ctx, s.Function.Layers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s.Function.Layers = layers
	r := &run{Session: s, out: &output{w: s.Stderr}, errors: map[string]string{}}
	r.record = &recorder{out: r.out, telemetry: s.Telemetry, serving: s.Serve != ""}
	r.function()
	if s.Serve != "" {
		return r.serve(ctx)
	}
	return r.events(ctx)
}

// A run is a session under way.
type run struct {
	Session
	out     *output
	record  *recorder
	env     *local.Environment
	failure *local.InitError // of the first init
	stop    timeline.Stop
	answers []answer // for the document
	failed  bool     // anything did
	// errors are the types of those that the function answered with, by request id.
	errors map[string]string
}

// function has what the processes write come here.
func (r *run) function() {
	f := &r.Function
	own := r.out.source("function")
	f.Stdout, f.Stderr = own, own
	// An extension that is started anew goes on with its old source.
	extensions := map[string]*source{}
	f.ExtensionOutput = func(name string) io.Writer {
		if extensions[name] == nil {
			extensions[name] = r.out.source(name)
		}
		return extensions[name]
	}
	f.Events, f.Inits = r.record.add, r.record.addInit
	f.RetryInit = true
}

// start makes the environment. An init that fails is no error: failed tells.
func (r *run) start(ctx context.Context) error {
	env, err := local.Start(ctx, r.Function)
	switch {
	case errors.As(err, &r.failure) && ctx.Err() == nil:
		r.failed = true
		return nil
	case err != nil:
		return errors.Join(ctx.Err(), err)
	}
	r.env = env
	if r.failure = env.InitError(); r.failure != nil {
		r.failed = true
		r.out.flush()
		r.out.say("%v; the first invocation starts with another init", r.failure)
		r.out.hint(hint(r.Function, r.failure))
	}
	return nil
}

// end shuts the environment down, whatever became of the session's context.
func (r *run) end(ctx context.Context) error {
	if r.env == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	r.stop.Began = time.Now()
	err := r.env.Stop(ctx)
	r.stop.Ended = time.Now()
	for _, end := range r.env.Ends() {
		r.stop.Ends = append(r.stop.Ends, timeline.End{Name: cmp.Or(end.Name, "runtime"), At: end.At})
	}
	r.out.flush()
	return err
}

// events sends the events and shows what came of it.
func (r *run) events(ctx context.Context) error {
	if err := r.start(ctx); err != nil {
		r.out.flush()
		return err
	}
	var err error
	if r.env != nil {
		err = r.invokeAll(ctx)
	}
	err = errors.Join(err, r.end(ctx))
	r.out.flush()
	if r.env == nil {
		r.out.say("%v", r.failure)
		r.out.hint(hint(r.Function, r.failure))
	}
	return errors.Join(err, r.show(), r.result(ctx))
}

// result is what the exit status tells.
func (r *run) result(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.failed:
		return ErrFailed
	}
	return nil
}

// show writes the timeline, or the document.
func (r *run) show() error {
	events, left := r.record.all()
	drawn := timeline.New(events, r.record.inits(), r.errors, r.stop)
	if r.JSON {
		return show.JSON(r.Stdout, r.document(drawn, events, left))
	}
	if len(drawn.Phases) == 0 {
		return nil
	}
	if left > 0 {
		r.out.say("%d more events than fit; the timeline is of those before", left)
	}
	if _, err := fmt.Fprintln(r.Stderr); err != nil {
		return err
	}
	return drawn.Write(r.Stderr, r.Style)
}
