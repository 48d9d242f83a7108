package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Types of events. Lambda may send others at any time; they are no error.
const (
	TypeInitStart          = "platform.initStart"
	TypeInitRuntimeDone    = "platform.initRuntimeDone"
	TypeInitReport         = "platform.initReport"
	TypeStart              = "platform.start"
	TypeRuntimeDone        = "platform.runtimeDone"
	TypeReport             = "platform.report"
	TypeRestoreStart       = "platform.restoreStart"
	TypeRestoreRuntimeDone = "platform.restoreRuntimeDone"
	TypeRestoreReport      = "platform.restoreReport"
	TypeExtension          = "platform.extension"
	TypeSubscription       = "platform.telemetrySubscription"
	TypeLogsDropped        = "platform.logsDropped"

	TypeFunctionLog  = "function"
	TypeExtensionLog = "extension"
)

// A Phase holds what the records of the init and restore phases say. Which
// fields are set depends on the type of the event.
type Phase struct {
	InitializationType string   `json:"initializationType"` // "on-demand", "snap-start" …
	Phase              string   `json:"phase"`              // "init", "invoke" …
	FunctionName       string   `json:"functionName"`
	FunctionVersion    string   `json:"functionVersion"`
	InstanceID         string   `json:"instanceId"`
	InstanceMaxMemory  float64  `json:"instanceMaxMemory"` // its unit differs between kinds of functions
	RuntimeVersion     string   `json:"runtimeVersion"`
	RuntimeVersionARN  string   `json:"runtimeVersionArn"`
	Status             string   `json:"status"`
	ErrorType          string   `json:"errorType"`
	Metrics            Metrics  `json:"metrics"`
	Spans              []Span   `json:"spans"`
	Tracing            *Tracing `json:"tracing"`
}

// An Invocation holds what platform.start, platform.runtimeDone and
// platform.report say of one request.
type Invocation struct {
	RequestID   string   `json:"requestId"`
	Version     string   `json:"version"`
	FunctionARN string   `json:"functionArn"`
	Status      string   `json:"status"` // "success", "failure", "error" or "timeout"; empty in platform.start
	ErrorType   string   `json:"errorType"`
	Metrics     Metrics  `json:"metrics"`
	Spans       []Span   `json:"spans"`
	Tracing     *Tracing `json:"tracing"`
}

// Metrics are the figures of a report. A field that Lambda did not send is
// nil: nothing is not the same as zero.
type Metrics struct {
	DurationMs        *float64
	BilledDurationMs  *float64
	InitDurationMs    *float64
	RestoreDurationMs *float64
	MemorySizeMB      *float64
	MaxMemoryUsedMB   *float64
	ProducedBytes     *float64
}

// UnmarshalJSON leaves out a figure that is none; encoding/json would make it
// zero.
func (m *Metrics) UnmarshalJSON(text []byte) error {
	var figures map[string]any
	if err := json.Unmarshal(text, &figures); err != nil {
		return tolerant(err)
	}
	figure := func(name string) *float64 {
		if value, ok := figures[name].(float64); ok {
			return &value
		}
		return nil
	}
	*m = Metrics{
		DurationMs:        figure("durationMs"),
		BilledDurationMs:  figure("billedDurationMs"),
		InitDurationMs:    figure("initDurationMs"),
		RestoreDurationMs: figure("restoreDurationMs"),
		MemorySizeMB:      figure("memorySizeMB"),
		MaxMemoryUsedMB:   figure("maxMemoryUsedMB"),
		ProducedBytes:     figure("producedBytes"),
	}
	return nil
}

// A Span is one part of a phase: "responseLatency", "runtimeOverhead" … Start
// is zero if it could not be read.
type Span struct {
	Name       string
	Start      time.Time
	DurationMs float64
}

// UnmarshalJSON reads a span whose start may be garbled.
func (s *Span) UnmarshalJSON(text []byte) error {
	var loose struct {
		Name       string  `json:"name"`
		Start      string  `json:"start"`
		DurationMs float64 `json:"durationMs"`
	}
	if err := tolerant(json.Unmarshal(text, &loose)); err != nil {
		return err
	}
	*s = Span{Name: loose.Name, DurationMs: loose.DurationMs}
	if start, err := time.Parse(time.RFC3339Nano, loose.Start); err == nil {
		s.Start = start
	}
	return nil
}

// Tracing is the trace that an invocation belongs to.
type Tracing struct {
	SpanID string `json:"spanId"`
	Type   string `json:"type"`  // "X-Amzn-Trace-Id"
	Value  string `json:"value"` // "Root=…;Parent=…;Sampled=…"
}

// An Extension is the record of platform.extension.
type Extension struct {
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Events    []string `json:"events"`
	ErrorType string   `json:"errorType"`
}

// A Subscription is the record of platform.telemetrySubscription.
type Subscription struct {
	Name  string   `json:"name"`
	State string   `json:"state"`
	Types []string `json:"types"`
}

// LogsDropped is the record of platform.logsDropped: what Lambda itself gave
// up on, because a subscriber was too slow.
type LogsDropped struct {
	Bytes   float64 `json:"droppedBytes"`
	Records float64 `json:"droppedRecords"`
	Reason  string  `json:"reason"`
}

// A Log is the record of a line that the function or an extension wrote: Text,
// or the members of an object in the JSON log format.
type Log struct {
	Text    string
	Members map[string]any // nil for plain text
}

// Decode reads the event's record: a [Phase], an [Invocation], an [Extension],
// a [Subscription], [LogsDropped] or a [Log], by its type.
//
// Members that are not known, or that hold another kind of value than they
// should, are left out. A type that is not known gives nil. The error is for
// records that are not even the right kind of JSON.
func (e Event) Decode() (any, error) {
	switch e.Type {
	case TypeInitStart, TypeInitRuntimeDone, TypeInitReport, TypeRestoreStart, TypeRestoreRuntimeDone, TypeRestoreReport:
		return decode[Phase](e)
	case TypeStart, TypeRuntimeDone, TypeReport:
		return decode[Invocation](e)
	case TypeExtension:
		return decode[Extension](e)
	case TypeSubscription:
		return decode[Subscription](e)
	case TypeLogsDropped:
		return decode[LogsDropped](e)
	case TypeFunctionLog, TypeExtensionLog:
		return decodeLog(e)
	}
	return nil, nil
}

func decode[T any](e Event) (any, error) {
	var record T
	if len(e.Record) == 0 || e.Record[0] != '{' {
		return nil, fmt.Errorf("%s: record is not an object", e.Type)
	}
	if err := tolerant(json.Unmarshal(e.Record, &record)); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Type, err)
	}
	return record, nil
}

// tolerant forgives a member of the wrong kind: the decoder has left it out
// and read all others.
func tolerant(err error) error {
	if wrongKind := new(json.UnmarshalTypeError); errors.As(err, &wrongKind) {
		return nil
	}
	return err
}

// decodeLog takes any JSON value: what is neither a string nor an object is
// kept as its own text.
func decodeLog(e Event) (any, error) {
	if len(e.Record) == 0 {
		return Log{}, nil
	}
	var log Log
	switch e.Record[0] {
	case '"':
		if err := json.Unmarshal(e.Record, &log.Text); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Type, err)
		}
	case '{':
		if err := json.Unmarshal(e.Record, &log.Members); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Type, err)
		}
	default:
		log.Text = string(e.Record)
	}
	return log, nil
}
