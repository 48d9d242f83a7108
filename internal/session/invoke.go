package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/show"
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
		if len(r.errors) < maxEvents {
			r.errors[a.RequestID] = errorType(a.Response)
		}
	}
	if r.JSON {
		r.answers = append(r.answers, a)
		return nil
	}
	if a.FunctionError != "" {
		r.out.say("invocation %s: %s", a.RequestID, errorType(a.Response))
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

// maxErrorType is how many bytes an error's type is expected to have.
const maxErrorType = 200

// errorType returns the type of the error that the function answered with.
// Where Lambda's own name for it says nothing, it is the one in the answer, such
// as an exception's.
func errorType(r local.Response) string {
	var answer struct {
		Type string `json:"errorType"`
	}
	if strings.HasSuffix(r.ErrorType, ".Unknown") && json.Unmarshal(r.Body, &answer) == nil && answer.Type != "" && len(answer.Type) <= maxErrorType {
		return show.Line(answer.Type)
	}
	return r.ErrorType
}
