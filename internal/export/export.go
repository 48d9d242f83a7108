// Package export sends telemetry events on: each [Exporter] has a [lane] of
// its own, with a bounded queue, so that none waits for another and none can
// hold up the intake.
//
//	pipeline := export.New(export.Config{Mode: export.Async, Log: say},
//		export.Stdout(os.Stdout), export.EMF(os.Stdout, function), logs, traces)
//	listener, err := telemetry.Listen(ctx, telemetry.Receiver{Accept: pipeline.Add})
//	…
//	err = pipeline.Ended(ctx, requestID) // at the end of each invocation
//	…
//	stats := pipeline.Close(ctx)         // at shutdown
//
// # Promises
//
//   - Add never blocks and never fails.
//   - Memory is bounded, by [Limits]. What does not fit is dropped, the oldest
//     first.
//   - Nothing else is lost without a trace: after Close, what was accepted is
//     what was exported, dropped, refused and left unsent ([LaneStats]).
//   - An endpoint that fails or hangs holds up [Pipeline.Flush] once, not every
//     time.
//   - An environment may be frozen at any point, for any time: what was under
//     way is tried again afterwards.
package export

import (
	"context"
	"fmt"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// An Exporter sends events somewhere. Its methods are called from one
// goroutine.
type Exporter interface {
	// Name stands in messages: "stdout", "otlp logs" …
	Name() string
	// Wants says whether events of this type concern the exporter.
	Wants(eventType string) bool
	// Export makes one attempt to send events. A [Later] error means that the
	// same events, in the same order but perhaps without the oldest, come
	// again; [Partial] that some were refused; any other that all were.
	Export(ctx context.Context, events []telemetry.Event) error
}

// Later is the error of an attempt that may succeed if it is made again.
type Later struct {
	// After is how long the endpoint asked to be left alone; 0 if it did not.
	After time.Duration
	Err   error
}

func (l *Later) Error() string { return l.Err.Error() }

func (l *Later) Unwrap() error { return l.Err }

// Partial is the error of an attempt of which the endpoint refused a part,
// for good.
type Partial struct {
	Refused int
	Err     error
}

func (p *Partial) Error() string { return fmt.Sprintf("%d refused: %v", p.Refused, p.Err) }

func (p *Partial) Unwrap() error { return p.Err }
