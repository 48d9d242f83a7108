package session

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/graft-lambda/graft/internal/timeline"
)

// A Document is what JSON output consists of. Names stay, others may come.
type Document struct {
	Function FunctionFacts `json:"function"`
	// Failed says what the exit status says: an init or an invocation failed.
	Failed bool `json:"failed"`
	// InitError is why the first init failed, if it did.
	InitError   *InitFailure      `json:"initError,omitempty"`
	Invocations []Invocation      `json:"invocations"`
	Timeline    timeline.Timeline `json:"timeline"`
	Events      []telemetry.Event `json:"events"`        // the telemetry, in order
	LeftOut     int               `json:"eventsLeftOut"` // events beyond what is held
}

// FunctionFacts is the function as it was configured.
type FunctionFacts struct {
	Name      string   `json:"name"`
	Command   []string `json:"command"`
	InitType  string   `json:"initType"`
	MemoryMB  int      `json:"memoryMB"`
	TimeoutMs float64  `json:"timeoutMs"`
}

// An InitFailure is a [local.InitError].
type InitFailure struct {
	ErrorType string `json:"errorType"`
	Message   string `json:"message"`
}

// An Invocation is an event and its answer, which is in one of three members.
type Invocation struct {
	RequestID     string          `json:"requestId"`
	Event         json.RawMessage `json:"event"`
	Answer        json.RawMessage `json:"answer,omitempty"`       // JSON
	AnswerText    string          `json:"answerText,omitempty"`   // other text
	AnswerBase64  []byte          `json:"answerBase64,omitempty"` // other bytes
	FunctionError string          `json:"functionError,omitempty"`
	ErrorType     string          `json:"errorType,omitempty"`
	StreamError   string          `json:"streamError,omitempty"`
	AnsweredMs    float64         `json:"answeredMs"` // until the runtime had answered
	DurationMs    float64         `json:"durationMs"` // until it wanted the next event
	WholeMs       float64         `json:"wholeMs"`    // until the extensions did too
	InitMs        float64         `json:"initMs"`     // of an init within the invocation
}

func (r *run) document(drawn timeline.Timeline, events []telemetry.Event, left int) Document {
	f := r.Function
	d := Document{
		Function: FunctionFacts{f.Name, f.Command, string(f.InitType), f.MemoryMB, milliseconds(f.Timeout)},
		Failed:   r.failed, Invocations: []Invocation{}, Timeline: drawn, Events: events, LeftOut: left,
	}
	if d.Events == nil {
		d.Events = []telemetry.Event{}
	}
	if d.Timeline.Phases == nil {
		d.Timeline.Phases = []timeline.Phase{}
	}
	if e := r.failure; e != nil {
		d.InitError = &InitFailure{e.Type, e.Message}
	}
	for _, a := range r.answers {
		d.Invocations = append(d.Invocations, invocation(a.event, a.Response))
	}
	return d
}

func invocation(event []byte, r local.Response) Invocation {
	i := Invocation{
		RequestID: r.RequestID, Event: event,
		FunctionError: r.FunctionError, ErrorType: r.ErrorType, StreamError: string(r.StreamError),
		AnsweredMs: milliseconds(r.Answered), DurationMs: milliseconds(r.Duration),
		WholeMs: milliseconds(r.Whole), InitMs: milliseconds(r.Init),
	}
	switch {
	case json.Valid(r.Body):
		i.Answer = r.Body
	case utf8.Valid(r.Body):
		i.AnswerText = string(r.Body)
	default:
		i.AnswerBase64 = r.Body
	}
	return i
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
