package extension

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

// An EventType says what an [Event] is about.
type EventType string

// The events that Lambda is known to send. It may send others.
const (
	Invoke   EventType = "INVOKE"
	Shutdown EventType = "SHUTDOWN"
)

// An Event is what Lambda answers to [Client.Next].
type Event struct {
	Type EventType
	// Deadline is when the invocation times out, or when what is left of the
	// environment is killed. It is zero if Lambda does not say.
	Deadline time.Time
	// RequestID, FunctionARN and Trace (the X-Ray header's value) belong to an
	// invocation; Trace may be empty.
	RequestID, FunctionARN, Trace string
	// Reason is why the environment shuts down: spindown, timeout, failure, in
	// any case of letters, or anything else.
	Reason string
}

// parseEvent reads an event by its body alone: Lambda sends some of them with
// the wrong Content-Type. Only the type must be there.
func parseEvent(body []byte) (Event, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return Event{}, errors.New("answer is no JSON object")
	}
	// A field of another kind than expected is as good as none.
	text := func(in map[string]json.RawMessage, name string) (s string) {
		_ = json.Unmarshal(in[name], &s)
		return s
	}
	e := Event{
		Type:        EventType(text(raw, "eventType")),
		RequestID:   text(raw, "requestId"),
		FunctionARN: text(raw, "invokedFunctionArn"),
		Reason:      text(raw, "shutdownReason"),
	}
	if e.Type == "" {
		return Event{}, errors.New("answer is no event")
	}
	var ms float64
	if err := json.Unmarshal(raw["deadlineMs"], &ms); err == nil && ms > 0 && ms < math.MaxInt64/2 {
		e.Deadline = time.UnixMilli(int64(ms))
	}
	var tracing map[string]json.RawMessage
	if err := json.Unmarshal(raw["tracing"], &tracing); err == nil {
		e.Trace = text(tracing, "value")
	}
	return e, nil
}
