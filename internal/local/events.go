package local

import (
	"bytes"
	"encoding/json"
	"math"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// timeFormat is that of all times in the records.
const timeFormat = "2006-01-02T15:04:05.000Z"

// The values of status.
const (
	statusSuccess = "success"
	statusFailure = "failure"
	statusError   = "error"
	statusTimeout = "timeout"
)

// The records, as far as package telemetry, which only reads, has none that
// can be written. What is unknown or does not apply is left out.
type (
	initStartRecord struct {
		InitializationType InitType `json:"initializationType"`
		Phase              string   `json:"phase"`
		FunctionName       string   `json:"functionName"`
		FunctionVersion    string   `json:"functionVersion"`
		InstanceMaxMemory  int      `json:"instanceMaxMemory"`
	}
	restoreStartRecord struct {
		FunctionName      string `json:"functionName"`
		FunctionVersion   string `json:"functionVersion"`
		InstanceMaxMemory int    `json:"instanceMaxMemory"`
	}
	// phaseRecord is how a phase went: initRuntimeDone, initReport and their
	// counterparts of a restore.
	phaseRecord struct {
		InitializationType InitType       `json:"initializationType,omitempty"`
		Phase              string         `json:"phase,omitempty"`
		Status             string         `json:"status"`
		ErrorType          string         `json:"errorType,omitempty"`
		Metrics            *metricsRecord `json:"metrics,omitempty"`
	}
	startRecord struct {
		RequestID   string         `json:"requestId"`
		Version     string         `json:"version,omitempty"`
		FunctionARN string         `json:"functionArn,omitempty"`
		Tracing     *tracingRecord `json:"tracing,omitempty"`
	}
	// invocationRecord is how an invocation went: runtimeDone and report.
	invocationRecord struct {
		RequestID string         `json:"requestId"`
		Status    string         `json:"status"`
		ErrorType string         `json:"errorType,omitempty"`
		Metrics   *metricsRecord `json:"metrics,omitempty"`
		Spans     []spanRecord   `json:"spans,omitempty"`
		Tracing   *tracingRecord `json:"tracing,omitempty"`
	}
	metricsRecord struct {
		DurationMs        float64  `json:"durationMs"`
		BilledDurationMs  float64  `json:"billedDurationMs,omitempty"`
		MemorySizeMB      int      `json:"memorySizeMB,omitempty"`
		MaxMemoryUsedMB   int      `json:"maxMemoryUsedMB,omitempty"`
		InitDurationMs    float64  `json:"initDurationMs,omitempty"`
		RestoreDurationMs float64  `json:"restoreDurationMs,omitempty"`
		ProducedBytes     *float64 `json:"producedBytes,omitempty"`
	}
	spanRecord struct {
		Name       string  `json:"name"`
		Start      string  `json:"start"`
		DurationMs float64 `json:"durationMs"`
	}
	tracingRecord struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	extensionRecord struct {
		Name      string   `json:"name"`
		State     string   `json:"state"`
		Events    []string `json:"events"`
		ErrorType string   `json:"errorType,omitempty"`
	}
	endRecord struct {
		RequestID string `json:"requestId"`
	}
)

// event returns an event of now.
func event(kind string, record any) emitted {
	return emitted{Event: telemetry.Event{Time: time.Now(), Type: kind, Record: marshal(record)}}
}

// eventOf is event for one of the APIs.
func eventOf(only api, kind string, record any) emitted {
	e := event(kind, record)
	e.only = only
	return e
}

// marshal returns v as JSON in which a line of output stays readable.
func marshal(v any) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // strings and finite numbers
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// subscribed says that an extension has subscribed.
func subscribed(name string, s subscription) emitted {
	kind := telemetry.TypeSubscription
	if s.api == logsAPI {
		kind = typeLogsSubscription
	}
	return eventOf(s.api, kind, telemetry.Subscription{Name: name, State: "Subscribed", Types: s.names})
}

// dropped says that records did not reach a subscriber.
func dropped(lost tally, reason string) emitted {
	return event(telemetry.TypeLogsDropped, telemetry.LogsDropped{
		Bytes: float64(lost.bytes), Records: float64(lost.records), Reason: reason,
	})
}

// logged returns a line that a process wrote. In the JSON log format a line
// that is a JSON object is one in the record too.
func logged(kind string, line []byte, at time.Time, format string) emitted {
	e := emitted{Event: telemetry.Event{Time: at, Type: kind, Record: marshal(string(line))}}
	if object := bytes.TrimSpace(line); format == formatJSON && len(object) > 0 && object[0] == '{' && json.Valid(object) {
		e.text, e.Record = e.Record, bytes.ToValidUTF8(bytes.Clone(object), []byte("\ufffd"))
	}
	return e
}

func span(name string, from, to time.Time) spanRecord {
	return spanRecord{Name: name, Start: from.UTC().Format(timeFormat), DurationMs: millis(to.Sub(from))}
}

func (inv *invocation) tracing() *tracingRecord {
	if inv.trace == "" {
		return nil
	}
	return &tracingRecord{Type: "X-Amzn-Trace-Id", Value: inv.trace}
}

// millis returns d in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// billed returns what is billed of d: whole milliseconds, rounded up.
func billed(d time.Duration) float64 { return math.Ceil(float64(d) / float64(time.Millisecond)) }
