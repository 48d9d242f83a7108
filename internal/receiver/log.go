package receiver

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// FromLog returns the spans that agents have left in a function's log, in
// order. So do New Relic's and Datadog's where their vendor's own extension is
// not there; a function of the vendor's reads them from CloudWatch.
func FromLog(log string) ([]Span, error) {
	var spans []Span
	var errs []error
	for line := range strings.Lines(log) {
		var of []Span
		var err error
		switch {
		case strings.HasPrefix(line, `[`) && strings.Contains(line, `"NR_LAMBDA_MONITORING"`):
			of, err = newRelicLine([]byte(line))
		case strings.HasPrefix(line, `{"traces":`):
			of, err = datadogLine([]byte(line))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("receiver: log: %w", err))
		}
		spans = append(spans, of...)
	}
	return spans, errors.Join(errs...)
}

// newRelicLine decodes [1, "NR_LAMBDA_MONITORING", DATA], DATA being JSON,
// compressed, in base64. Of its events only the spans count.
func newRelicLine(line []byte) ([]Span, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(line, &parts); err != nil {
		return nil, fmt.Errorf("newrelic: %w", err)
	}
	var packed []byte
	if err := json.Unmarshal(parts[len(parts)-1], &packed); err != nil {
		return nil, fmt.Errorf("newrelic: %w", err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("newrelic: %w", err)
	}
	plain, err := io.ReadAll(&bounded{unpacked, maxPlain})
	if err != nil {
		return nil, fmt.Errorf("newrelic: %w", err)
	}
	var of struct {
		Data struct {
			// Agent run, figures, and a list of events, each in three parts:
			// the agent's own fields, the user's, attributes.
			Spans []json.RawMessage `json:"span_event_data"`
		} `json:"data"`
	}
	if err := json.Unmarshal(plain, &of); err != nil {
		return nil, fmt.Errorf("newrelic: %w", err)
	}
	if len(of.Data.Spans) == 0 {
		return nil, nil
	}
	var events [][]map[string]any
	if err := json.Unmarshal(of.Data.Spans[len(of.Data.Spans)-1], &events); err != nil {
		return nil, fmt.Errorf("newrelic: spans: %w", err)
	}
	var spans []Span
	for _, event := range events {
		if len(event) > 0 {
			spans = append(spans, newRelicSpan(event))
		}
	}
	return spans, nil
}

func newRelicSpan(event []map[string]any) Span {
	text := func(key string) string {
		s, _ := event[0][key].(string)
		return s
	}
	span := Span{
		Vendor: "newrelic", Name: text("name"), Kind: "span",
		TraceID: strings.ToLower(text("traceId")), ID: strings.ToLower(text("guid")), ParentID: strings.ToLower(text("parentId")),
		Attributes: map[string]string{},
	}
	if entry, _ := event[0]["nr.entryPoint"].(bool); entry {
		span.Kind = "transaction"
	}
	for _, part := range event[1:] {
		for key, value := range part {
			span.Attributes[key] = fmt.Sprint(value)
		}
	}
	return span
}

// datadogLine decodes the spans of {"traces": [[SPAN…]…]}, which are as in the
// other intakes, but for ids, in hexadecimal.
func datadogLine(line []byte) ([]Span, error) {
	var of struct {
		Traces [][]map[string]any `json:"traces"`
	}
	if err := json.Unmarshal(line, &of); err != nil {
		return nil, fmt.Errorf("datadog: %w", err)
	}
	var spans []Span
	for _, trace := range of.Traces {
		for _, fields := range trace {
			for _, key := range []string{"trace_id", "span_id", "parent_id"} {
				text, _ := fields[key].(string)
				id, err := strconv.ParseUint(text, 16, 64)
				if err != nil {
					return nil, fmt.Errorf("datadog: %s: %w", key, err)
				}
				fields[key] = id
			}
			spans = append(spans, datadogSpan(fields))
		}
	}
	return spans, nil
}
