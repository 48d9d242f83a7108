package session

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/graft-lambda/graft/internal/local"
)

// An answer is one invocation that came to its end.
type answer struct {
	event []byte
	local.Response
}

// invokeAll sends the events, as many at once as the environment takes, and
// prints the answers in the order of the events.
func (r *run) invokeAll(ctx context.Context) error {
	type outcome struct {
		answer
		err error
	}
	// What is started, waits in the queue or is waited for below: so no more run
	// than may, and the answers need no sorting.
	queue := make(chan chan outcome, max(1, r.Function.Concurrency)-1)
	var invoking sync.WaitGroup
	defer invoking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	invoking.Go(func() {
		defer close(queue)
		for i := range r.Count {
			event := r.Events[i%len(r.Events)]
			done := make(chan outcome, 1)
			select {
			case queue <- done:
			case <-ctx.Done():
				return
			}
			invoking.Go(func() {
				response, err := r.env.Invoke(ctx, event)
				done <- outcome{answer{event, response}, err}
			})
		}
	})
	for done := range queue {
		o := <-done
		if o.err != nil {
			if errors.Is(o.err, ctx.Err()) {
				return nil // the caller knows
			}
			r.failed = true
			return o.err
		}
		if err := r.answered(o.answer); err != nil {
			return err
		}
	}
	return nil
}

// answered prints an answer, or keeps it for the document.
func (r *run) answered(a answer) error {
	if a.FunctionError != "" || a.StreamError != nil {
		r.failed = true
	}
	if r.JSON {
		r.answers = append(r.answers, a)
		return nil
	}
	if a.FunctionError != "" {
		r.out.say("invocation %s: %s", a.RequestID, a.ErrorType)
	}
	body := a.Body
	if !bytes.HasSuffix(body, []byte("\n")) {
		body = append(bytes.Clone(body), '\n')
	}
	if _, err := r.Stdout.Write(body); err != nil {
		return err
	}
	if a.StreamError != nil {
		r.out.say("the function broke off its answer: %s", a.StreamError)
	}
	return nil
}
