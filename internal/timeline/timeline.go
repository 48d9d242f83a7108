// Package timeline makes of an environment's telemetry what a person wants to
// see of it: its phases, who took how long in each, its memory, and what was
// lost. It looks at events only, so the same events give the same timeline.
package timeline

import (
	"math"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// A Timeline is the life of an environment. Its JSON is part of the output of
// `graft run --json`: names stay.
type Timeline struct {
	Phases []Phase `json:"phases"` // in the order in which they began
	Memory Memory  `json:"memory"`
	// Dropped is what the Telemetry API did not deliver to its subscribers.
	Dropped Dropped `json:"dropped"`
}

// A Phase is an init, a restore, an invocation or the shutdown. Times are in
// milliseconds.
type Phase struct {
	Name      string `json:"phase"`               // "init", "restore", "invoke" or "shutdown"
	InitType  string `json:"initType,omitempty"`  // of an init: "on-demand" …
	Again     bool   `json:"again,omitempty"`     // an init that was made within an invocation
	RequestID string `json:"requestId,omitempty"` // of an invocation
	// Status is "success", "failure", "error" or "timeout", or empty if the end
	// of the phase was not seen.
	Status    string `json:"status,omitempty"`
	ErrorType string `json:"errorType,omitempty"`
	// FunctionErrorType is that of the error that the function itself answered
	// with. To the telemetry such an invocation is a success.
	FunctionErrorType string    `json:"functionErrorType,omitempty"`
	Start             time.Time `json:"start"`
	// DurationMs of an invocation is without the init that it began with, which
	// is a phase of its own.
	DurationMs float64 `json:"durationMs"`
	Bars       []Bar   `json:"parts"`

	initMs float64 // of the init that was made for the invocation
}

// A Bar is a part of a phase, in milliseconds since the phase began.
type Bar struct {
	// Name is that of an extension, "runtime", or what a span of the telemetry
	// is called: "responseLatency", "extensionOverhead" …
	Name    string  `json:"name"`
	StartMs float64 `json:"startMs"`
	EndMs   float64 `json:"endMs"`
	Failed  bool    `json:"failed,omitempty"`
}

// Memory is what the processes used at most, of what the function has; 0 if
// no report said so.
type Memory struct {
	MaxUsedMB float64 `json:"maxUsedMB"`
	SizeMB    float64 `json:"sizeMB"`
}

// Dropped counts events and their bytes.
type Dropped struct {
	Records float64 `json:"records"`
	Bytes   float64 `json:"bytes"`
}

// An Init says more of an init than the events do, which come for all
// extensions at once, when all are ready.
type Init struct {
	Began time.Time
	Parts []Part
}

// A Part is that of an extension, or of the runtime, in an init. Ready is zero
// if it never was.
type Part struct {
	Name         string // "runtime", or the extension's
	Began, Ready time.Time
}

// A Stop is when the environment was told to end, and when it had. There is no
// event for it.
type Stop struct {
	Began, Ended time.Time
	Ends         []End
}

// An End is when an extension, or the runtime, was gone.
type End struct {
	Name string // "runtime", or the extension's
	At   time.Time
}

// New returns the timeline of events, which are in order, as inits are. Errors
// are the types of those that the function itself answered with, by request id.
// Where inits are missing, and with a zero stop, it shows what the events tell.
// Events that cannot be read are passed over.
func New(events []telemetry.Event, inits []Init, errors map[string]string, stop Stop) Timeline {
	b := builder{init: none, restore: none, invocations: map[string]int{}, inits: inits}
	for _, event := range events {
		b.add(event)
	}
	for id, at := range b.invocations {
		if p := &b.Phases[at]; !p.failed() {
			p.FunctionErrorType = errors[id]
		}
	}
	if !stop.Began.IsZero() {
		p := Phase{Name: "shutdown", Status: "success", Start: stop.Began, DurationMs: since(stop.Began, stop.Ended)}
		for _, end := range stop.Ends {
			if end.At.After(stop.Began) { // else it was gone already
				p.bar(end.Name, end.At, false)
			}
		}
		b.open(p)
	}
	return b.Timeline
}

func (p Phase) failed() bool {
	return p.Status != "" && p.Status != "success" || p.FunctionErrorType != ""
}

// since returns the milliseconds from start to end; a clock that went
// backwards, or a time that is not known, gives 0.
func since(start, end time.Time) float64 {
	if start.IsZero() || end.Before(start) {
		return 0
	}
	return float64(end.Sub(start).Microseconds()) / 1000
}

// sum adds milliseconds without the noise of binary fractions: to microseconds,
// as Lambda has them.
func sum(a, b float64) float64 { return math.Round((a+b)*1000) / 1000 }
