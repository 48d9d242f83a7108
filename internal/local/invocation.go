package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Response is what Lambda would answer to the one who invoked the function.
type Response struct {
	// Body is what the function returned, or the error as JSON.
	Body []byte
	// FunctionError is "Unhandled" if the function failed, was ended by a
	// timeout or crashed; else empty.
	FunctionError string
	// ErrorType is Lambda's name for the failure, such as Runtime.ExitError.
	ErrorType string
	// StreamError is the error that a runtime sent after a stream that it
	// broke off; Body then is what it had streamed.
	StreamError []byte
	// RequestID and TraceHeader are what the function was told.
	RequestID   string
	TraceHeader string
	// Answered is the time from the delivery of the event until the runtime
	// had answered; 0 if it did not. The caller waits no longer in Lambda.
	Answered time.Duration
	// Duration from the delivery of the event until the runtime asked for the
	// next one, or ended. 0 in an early answer.
	Duration time.Duration
	// Whole is the time until the extensions too asked for the next event, or
	// all was ended. It is what counts against the timeout, with Init. 0 in an
	// early answer.
	Whole time.Duration
	// Init is the duration of the init that had to be made anew before the
	// delivery, because the environment was reset or its init had timed out.
	Init time.Duration
	// Restore is how long the restore took that the invocation had to make. It
	// does not count against the timeout.
	Restore time.Duration
	// ContentType is that of the runtime's answer; for a response with an HTTP
	// prelude application/vnd.awslambda.http-integration-response.
	ContentType string
}

// An InvokeOption changes one invocation.
type InvokeOption func(*invocation)

// Trace sets the X-Ray trace header. Without it there is a new trace each
// time, which is sampled.
func Trace(header string) InvokeOption {
	return func(inv *invocation) { inv.trace = header }
}

// ClientContext sets what the caller tells of itself, JSON: the header
// Lambda-Runtime-Client-Context.
func ClientContext(text string) InvokeOption {
	return func(inv *invocation) { inv.client = text }
}

// Early has the caller answered as soon as the runtime has answered, as Lambda
// does, and not when the invocation is over. The next one waits for that.
func Early() InvokeOption {
	return func(inv *invocation) { inv.early = true }
}

// An invocation is one event on its way through the runtime.
type invocation struct {
	id, trace, arn string
	client         string // context, JSON; empty if there is none
	payload        []byte
	deadline       time.Time
	told           time.Time // the deadline by the clock of the processes
	early          bool
	init, restore  time.Duration
	delivered      time.Time // zero if it has not been
	runtimeDone    time.Time // when the runtime was through with it, or failed

	settled  chan struct{} // closed once outcome and answered are valid
	outcome  outcome
	answered time.Duration

	// Guarded by the generation's mu.
	state      state         // what the runtime does with it, once it is delivered
	claimed    bool          // the runtime has begun to answer
	responding time.Time     // since when
	over       bool          // the runtime is through with it
	took       time.Duration // until then
	abandoned  bool          // nobody wants the answer any more
}

// An outcome is how an invocation went.
type outcome struct {
	body        []byte
	contentType string
	errorType   string // empty if all went well
	streamError []byte
	truncated   bool // the runtime broke off while it answered
}

// failure returns an outcome in which Lambda, not the function, words the error.
func (inv *invocation) failure(errorType, message string) outcome {
	return worded(errorType, fmt.Sprintf("RequestId: %s Error: %s", inv.id, message))
}

// worded is failure without the request's id.
func worded(errorType, message string) outcome {
	body, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, message})
	if err != nil {
		panic(err) // two strings
	}
	return outcome{body: body, errorType: errorType}
}

// unread is the outcome of an answer that readBody could not read.
func (inv *invocation) unread(err error, limit int) outcome {
	if errors.Is(err, errTooLarge) {
		return worded("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit))
	}
	o := inv.failure("Runtime.TruncatedResponse", "Response truncated")
	o.truncated = true
	return o
}

// response returns the outcome o with what else is known so far.
func (inv *invocation) response(o outcome) Response {
	r := Response{
		Body: o.body, ErrorType: o.errorType, StreamError: o.streamError,
		RequestID: inv.id, TraceHeader: inv.trace, Init: inv.init, Restore: inv.restore, ContentType: o.contentType,
	}
	select {
	case <-inv.settled:
		r.Answered = inv.answered
	default:
	}
	if o.errorType != "" {
		r.FunctionError = "Unhandled"
	}
	return r
}

// newTrace returns the header of a new, sampled trace.
func newTrace(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=1", now.Unix(), randomHex(12), randomHex(8))
}
