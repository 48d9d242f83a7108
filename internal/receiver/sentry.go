package receiver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// sentryEnvelope decodes a line about the envelope, and then items, each a
// line about the item and its payload. Only transactions give spans.
func sentryEnvelope(_ string, body []byte) ([]Span, []byte, error) {
	header, left, _ := bytes.Cut(body, []byte("\n"))
	if !json.Valid(header) {
		return nil, nil, errors.New("envelope without a header")
	}
	var spans []Span
	for len(bytes.TrimSpace(left)) > 0 {
		var item struct {
			Type   string `json:"type"`
			Length *int   `json:"length"` // of the payload, in bytes; without it, it ends with its line
		}
		header, left, _ = bytes.Cut(left, []byte("\n"))
		if err := json.Unmarshal(header, &item); err != nil {
			return nil, nil, fmt.Errorf("item's header: %w", err)
		}
		var payload []byte
		if item.Length == nil {
			payload, left, _ = bytes.Cut(left, []byte("\n"))
		} else if n := *item.Length; n < 0 || n > len(left) {
			return nil, nil, fmt.Errorf("item of %d bytes, %d are there", n, len(left))
		} else {
			payload, left = left[:n], bytes.TrimPrefix(left[n:], []byte("\n"))
		}
		if item.Type != "transaction" {
			continue
		}
		of, err := sentryTransaction(payload)
		if err != nil {
			return nil, nil, err
		}
		spans = append(spans, of...)
	}
	return spans, []byte("{}"), nil
}

type sentrySpan struct {
	Op      string `json:"op"`
	Name    string `json:"description"`
	TraceID string `json:"trace_id"`
	ID      string `json:"span_id"`
	Parent  string `json:"parent_span_id"`
	Status  string `json:"status"`
}

// sentryTransaction decodes the transaction itself and the spans within it.
func sentryTransaction(payload []byte) ([]Span, error) {
	var of struct {
		Transaction string `json:"transaction"`
		ServerName  string `json:"server_name"`
		Contexts    struct {
			Trace sentrySpan `json:"trace"`
		} `json:"contexts"`
		Spans []sentrySpan `json:"spans"`
	}
	if err := json.Unmarshal(payload, &of); err != nil {
		return nil, fmt.Errorf("transaction: %w", err)
	}
	root := of.Contexts.Trace
	root.Name = of.Transaction
	spans := []Span{root.span("transaction", of.ServerName)}
	for _, s := range of.Spans {
		spans = append(spans, s.span("span", of.ServerName))
	}
	return spans, nil
}

func (s sentrySpan) span(kind, service string) Span {
	return Span{
		Vendor:     "sentry",
		Service:    service,
		Name:       s.Name,
		Kind:       kind,
		TraceID:    strings.ToLower(s.TraceID),
		ID:         strings.ToLower(s.ID),
		ParentID:   strings.ToLower(s.Parent),
		Attributes: map[string]string{"op": s.Op, "status": s.Status},
	}
}
