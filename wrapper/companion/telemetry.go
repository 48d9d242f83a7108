package main

import (
	"context"

	"github.com/graft-lambda/graft/internal/extension"
)

// A telemetry watches the environment. Each call is given up when its context
// ends, and a panic in it is survived: see within.
type telemetry interface {
	// Start listens and subscribes, as the function asks. It is called once,
	// after the registration and before the first event is asked for: later
	// Lambda refuses. The error wraps [extension.ErrNoTelemetry] where there is
	// none to be had.
	Start(ctx context.Context, api *extension.Client, r extension.Registration, w wish) error
	// Invoked returns when an invocation is over and what belongs to it is sent.
	// It is called with GRAFT_TELEMETRY_FLUSH=end only; the invocation waits for
	// it. ctx ends with the invocation's time.
	Invoked(ctx context.Context, e extension.Event)
	// Flush sends what is there: the environment is about to end.
	Flush(ctx context.Context)
}
