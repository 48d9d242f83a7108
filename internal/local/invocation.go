package local

import (
	"crypto/rand"
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
	// Duration from the delivery of the event until the runtime asked for the
	// next one, or ended.
	Duration time.Duration
}

// An InvokeOption changes one invocation.
type InvokeOption func(*invocation)

// Trace sets the X-Ray trace header. Without it there is a new trace each
// time, which is sampled.
func Trace(header string) InvokeOption {
	return func(inv *invocation) { inv.trace = header }
}

// An invocation is one event on its way through the runtime.
type invocation struct {
	id, trace, arn string
	payload        []byte
	deadline       time.Time

	claimed bool          // the runtime has begun to answer; guarded by api.mu
	settled chan struct{} // closed once outcome is valid
	outcome outcome
	over    chan struct{} // closed when the runtime asks for the next event
}

// An outcome is how an invocation went.
type outcome struct {
	body        []byte
	errorType   string // empty if all went well
	streamError []byte
	truncated   bool // the runtime broke off while it answered
}

// failure returns an outcome in which Lambda, not the function, words the error.
func (inv *invocation) failure(errorType, message string) outcome {
	body, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, fmt.Sprintf("RequestId: %s Error: %s", inv.id, message)})
	if err != nil {
		panic(err) // two strings
	}
	return outcome{body: body, errorType: errorType}
}

// unread is the outcome of an answer that readBody could not read.
func (inv *invocation) unread(err error, limit int) outcome {
	if errors.Is(err, errTooLarge) {
		return inv.failure("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit))
	}
	o := inv.failure("Runtime.TruncatedResponse", "Response truncated")
	o.truncated = true
	return o
}

func (inv *invocation) response(o outcome, took time.Duration) Response {
	r := Response{
		Body: o.body, ErrorType: o.errorType, StreamError: o.streamError,
		RequestID: inv.id, TraceHeader: inv.trace, Duration: took,
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

// newRequestID returns a random UUID.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
