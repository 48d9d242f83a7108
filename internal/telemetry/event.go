// Package telemetry holds what Lambda's Telemetry API speaks of: its events and
// their records (schema 2025-01-29).
// https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
package telemetry

import (
	"encoding/json"
	"time"
)

// An Event is one element of the arrays that Lambda sends to a subscriber.
type Event struct {
	Time time.Time `json:"time"`
	// Type is "platform.start", "function", "extension" …
	Type string `json:"type"`
	// Record is an object for platform events; for logs a string or, in the
	// JSON log format, an object.
	Record json.RawMessage `json:"record"`
}
