package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
)

// invocations is how often each function is called.
const invocations = 2

// A trial is what came of a function with its agents and the companion.
type trial struct {
	function  local.Function
	responses []local.Response
	log       string          // what the function and its agents wrote
	companion string          // what the companion wrote
	spans     []receiver.Span // what the agents exported
	figures   figures         // what the companion was told of the function
}

// try runs the example on rt, as [tryFunction] does.
func (k *kit) try(ctx context.Context, ex example, rt testbed.Runtime, env ...string) (trial, error) {
	recv, err := receiver.New()
	if err != nil {
		return trial{}, err
	}
	defer recv.Close()
	f, err := k.function(ctx, ex, rt, recv)
	if err != nil {
		return trial{}, fmt.Errorf("%s on %s: %w", ex.dir, title(rt), err)
	}
	f.Env = append(f.Env, env...)
	return tryFunction(ctx, f, recv)
}

// tryFunction starts f, whose agents export to recv or to the log, calls it and
// stops it. What came of it until an error is in the trial.
func tryFunction(ctx context.Context, f local.Function, recv *receiver.Server) (trial, error) {
	var log, companion transcript
	f.Stdout, f.Stderr = &log, &log
	f.ExtensionOutput = func(string) io.Writer { return &companion }
	tr := trial{function: f}
	var err error
	tr.responses, err = invokeAll(ctx, f)
	tr.log, tr.companion, tr.spans = log.String(), companion.String(), recv.Spans()
	if err = errors.Join(err, recv.Err()); err != nil {
		return tr, err
	}
	logged, err := receiver.FromLog(tr.log)
	if err != nil {
		return tr, err
	}
	tr.spans = append(tr.spans, logged...)
	// A forked companion's output is the function's.
	tr.figures, err = figuresIn(tr.companion + tr.log)
	return tr, err
}

// invokeAll starts the function, calls it and stops it. What an agent still
// holds it may send at the end.
func invokeAll(ctx context.Context, f local.Function) ([]local.Response, error) {
	start, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	env, err := local.Start(start, f)
	if err != nil {
		return nil, err
	}
	defer env.Stop(context.WithoutCancel(ctx))
	var responses []local.Response
	for i := range invocations {
		r, err := env.Invoke(ctx, fmt.Appendf(nil, `{"call":%d}`, i+1))
		if err == nil && r.FunctionError != "" {
			err = errors.New(string(r.Body))
		}
		if err != nil {
			return responses, err
		}
		responses = append(responses, r)
	}
	return responses, env.Stop(ctx)
}

// standsForInvocation tells the one span that an agent makes for an invocation
// from those that it makes of what the function does.
func standsForInvocation(s receiver.Span) bool {
	if s.Vendor == "sentry" { // requests that other agents send are transactions too
		return strings.HasPrefix(s.Attributes["op"], "function.")
	}
	return s.Kind == "server" || s.Kind == "transaction"
}

// A transcript keeps what several processes write.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
