package export

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// Stdout writes one line of JSON for each platform event: a mark, and the
// event as Lambda sent it. Lines of the function and of extensions are not
// written, for they would come back as events.
func Stdout(to io.Writer) Exporter { return stdout{to} }

type stdout struct{ to io.Writer }

func (stdout) Name() string { return "stdout" }

func (stdout) Wants(eventType string) bool {
	return telemetry.Event{Type: eventType}.IsPlatform()
}

func (s stdout) Export(_ context.Context, events []telemetry.Event) error {
	return writeLines(s.to, events, func(event telemetry.Event) ([]byte, error) {
		return json.Marshal(struct {
			Graft  string          `json:"graft"` // first, so that the line begins with the mark
			Time   time.Time       `json:"time"`
			Type   string          `json:"type"`
			Record json.RawMessage `json:"record,omitempty"`
		}{"platform", event.Time, event.Type, event.Record})
	})
}

// writeLines writes a line for each event that has one. Each is one Write, so
// that lines of several exporters on one pipe do not run into each other. It
// goes on after an error: the next line may fit.
func writeLines(to io.Writer, events []telemetry.Event, line func(telemetry.Event) ([]byte, error)) error {
	var first error
	failed := 0
	for _, event := range events {
		text, err := line(event)
		if err == nil && len(text) > 0 {
			text = append(bytes.TrimSuffix(text, []byte("\n")), '\n')
			_, err = to.Write(text)
		}
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
	}
	if first != nil {
		return &Partial{Refused: failed, Err: fmt.Errorf("write: %w", first)}
	}
	return nil
}
