package extension

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrNoTelemetry says that this environment has no Telemetry API: AWS's
// emulator answers so. No event will ever come.
var ErrNoTelemetry = errors.New("no Telemetry API here")

// schemaVersion is the only one that Managed Instances take.
const schemaVersion = "2025-01-29"

// A Subscription asks for telemetry. Lambda refuses figures out of bounds.
type Subscription struct {
	// Types are some of platform, function, extension.
	Types []string
	// URI is where the batches are posted to. The host must be
	// sandbox.localdomain.
	URI string
	// MaxItems is how many events a batch may hold, 1,000 to 10,000.
	MaxItems int
	// MaxBytes is how large a batch may be, 262,144 to 1,048,576 bytes.
	MaxBytes int
	// Timeout is how long Lambda may hold events back, 25 ms to 30 s.
	Timeout time.Duration
}

// Subscribe subscribes the registered extension id to telemetry. It must be
// called before its first [Client.Next]. The error wraps [ErrNoTelemetry] where
// there is none.
func (c *Client) Subscribe(ctx context.Context, id string, s Subscription) error {
	type object = map[string]any
	answer, err := c.call(ctx, http.MethodPut, "/2022-07-01/telemetry",
		map[string]string{headerIdentifier: id},
		object{
			"schemaVersion": schemaVersion,
			"types":         s.Types,
			"buffering":     object{"maxItems": s.MaxItems, "maxBytes": s.MaxBytes, "timeoutMs": s.Timeout.Milliseconds()},
			"destination":   object{"protocol": "HTTP", "URI": s.URI},
		})
	if err == nil && answer.status == http.StatusAccepted {
		err = ErrNoTelemetry
	}
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}
