package receiver

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// elasticEvents reads lines as they come: agents keep one request open for
// seconds, and in Lambda only flush its compressed stream at the end of an
// invocation.
func (s *Server) elasticEvents(w http.ResponseWriter, r *http.Request) {
	body, err := plain(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	var stream elasticStream
	for {
		line, err := body.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long, rest := append([]byte(nil), line...), []byte(nil)
			rest, err = body.ReadBytes('\n')
			line = append(long, rest...)
		}
		if span, bad := stream.event(line); bad != nil {
			s.refuse(w, r, bad)
			return
		} else if span != nil {
			s.keep([]Span{*span})
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// A function that ends cuts its last request short; that is the
			// agent's own loss, and what came before it counts.
			if r.Context().Err() == nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				s.refuse(w, r, err)
			}
			return
		}
	}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{}")
}

// elasticStream is what one request has said so far.
type elasticStream struct{ service string }

type elasticEvent struct {
	ID       string         `json:"id"`
	TraceID  string         `json:"trace_id"`
	ParentID string         `json:"parent_id"`
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Outcome  string         `json:"outcome"`
	Result   string         `json:"result"`
	FaaS     map[string]any `json:"faas"`
}

// event decodes one line; only transactions and spans give a Span.
func (s *elasticStream) event(line []byte) (*Span, error) {
	if len(strings.TrimSpace(string(line))) == 0 {
		return nil, nil
	}
	var of struct {
		Metadata *struct {
			Service struct {
				Name string `json:"name"`
			} `json:"service"`
		} `json:"metadata"`
		Transaction *elasticEvent `json:"transaction"`
		Span        *elasticEvent `json:"span"`
	}
	if err := json.Unmarshal(line, &of); err != nil {
		return nil, err
	}
	switch {
	case of.Metadata != nil:
		s.service = of.Metadata.Service.Name
	case of.Transaction != nil:
		return of.Transaction.span("transaction", s.service), nil
	case of.Span != nil:
		return of.Span.span("span", s.service), nil
	}
	return nil, nil
}

func (e *elasticEvent) span(kind, service string) *Span {
	attributes := map[string]string{"type": e.Type, "outcome": e.Outcome, "result": e.Result}
	for key, value := range e.FaaS {
		attributes["faas."+key] = fmt.Sprint(value)
	}
	return &Span{
		Vendor:     "elastic",
		Service:    service,
		Name:       e.Name,
		Kind:       kind,
		TraceID:    strings.ToLower(e.TraceID),
		ID:         strings.ToLower(e.ID),
		ParentID:   strings.ToLower(e.ParentID),
		Attributes: attributes,
	}
}
