package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// IsPlatform says whether an event is Lambda's own, not a line of output.
func (e Event) IsPlatform() bool { return strings.HasPrefix(e.Type, "platform.") }

// Size is about what the event costs in memory, in bytes.
func (e Event) Size() int { return 64 + len(e.Type) + len(e.Record) }

var errNotArray = errors.New("not an array of events")

// Batch decodes one delivery of the Telemetry API, a JSON array of events.
//
// One bad element does not cost its neighbours: skipped counts those that are
// no events. An event whose time cannot be read has the zero time. If the
// array ends in garbage, Batch returns what came before it, and an error. An
// empty body is an empty batch.
func Batch(body []byte) (events []Event, skipped int, err error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, 0, nil
	}
	if json.Unmarshal(body, &events) == nil && events != nil {
		return without(events)
	}
	return batchOneByOne(body)
}

// without leaves out what has no type, such as a null.
func without(events []Event) ([]Event, int, error) {
	kept := events[:0]
	for _, event := range events {
		if event.Type != "" {
			kept = append(kept, event)
		}
	}
	return kept, len(events) - len(kept), nil
}

func batchOneByOne(body []byte) (events []Event, skipped int, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if open, err := decoder.Token(); err != nil || open != json.Delim('[') {
		return nil, 0, errNotArray
	}
	for decoder.More() {
		var element json.RawMessage
		if err := decoder.Decode(&element); err != nil {
			return events, skipped, fmt.Errorf("%w: %w", errNotArray, err)
		}
		event, ok := loose(element)
		if !ok {
			skipped++
			continue
		}
		events = append(events, event)
	}
	if _, err := decoder.Token(); err != nil {
		return events, skipped, fmt.Errorf("%w: %w", errNotArray, err)
	}
	return events, skipped, nil
}

func loose(element json.RawMessage) (Event, bool) {
	var raw struct {
		Time   string          `json:"time"`
		Type   string          `json:"type"`
		Record json.RawMessage `json:"record"`
	}
	if tolerant(json.Unmarshal(element, &raw)) != nil || raw.Type == "" {
		return Event{}, false
	}
	event := Event{Type: raw.Type, Record: raw.Record}
	if at, err := time.Parse(time.RFC3339Nano, raw.Time); err == nil {
		event.Time = at
	}
	return event, true
}
