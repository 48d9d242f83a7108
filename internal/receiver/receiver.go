// Package receiver takes in on loopback what tracing agents export, and
// decodes it, so that a test can say which spans an agent really sent.
//
// One [Server] speaks OTLP over HTTP (protobuf and JSON), the intake of
// Elastic's APM server, the intakes of Datadog's agent and extension, and
// Sentry's. What it can not decode is answered with 400 and kept in
// [Server.Err]: a span that is missing and a span that was garbled are
// different findings. [FromLog] reads what agents write to the log instead.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Limits of one server. Agents under test stay far below them.
const (
	maxBody  = 8 << 20  // bytes on the wire, one request
	maxPlain = 32 << 20 // bytes after decompression, one request
	maxSpans = 100_000  // spans kept
	maxErrs  = 100      // errors kept: the first
)

// Span is one span or one transaction, as the agent sent it.
//
// Ids are lower-case hexadecimal; ParentID is empty for a root. Attributes
// hold every value as text.
type Span struct {
	Vendor     string // "otlp", "elastic", "datadog", "sentry" or "newrelic"
	Service    string
	Name       string
	Kind       string // OTLP: "server", "client" …; Elastic, Sentry, New Relic: "transaction", "span"; Datadog: its span.kind
	TraceID    string
	ID         string
	ParentID   string
	Attributes map[string]string
}

// Server receives spans on 127.0.0.1. All methods are safe for concurrent use.
type Server struct {
	url  string
	http *http.Server
	done chan struct{} // closed when the HTTP server has returned

	mu      sync.Mutex
	spans   []Span
	errs    []error
	changed chan struct{} // closed and replaced whenever spans or errs grow
}

// New starts a server on a free port of 127.0.0.1.
func New() (*Server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	s := &Server{
		url:     "http://" + listener.Addr().String(),
		done:    make(chan struct{}),
		changed: make(chan struct{}),
	}
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		// An agent that ends in mid-request is no news for a test's output.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(err)
		}
	}()
	return s, nil
}

// URL is the server's base address, without a slash at its end: the value of
// OTEL_EXPORTER_OTLP_ENDPOINT, ELASTIC_APM_SERVER_URL or DD_TRACE_AGENT_URL.
func (s *Server) URL() string { return s.url }

// Close ends the server and every request under way.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	return err
}

// Spans returns the spans received so far, in order of arrival.
func (s *Server) Spans() []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.spans)
}

// Err joins everything that went wrong so far: bodies that could not be
// decoded, limits that were passed; of many the first 100. It is nil if all
// was well.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.errs...)
}

// Wait blocks until at least n spans match, and returns all that match then,
// in order of arrival. A nil match takes every span. It ends early, with what
// matched so far, when ctx ends or a body could not be decoded.
func (s *Server) Wait(ctx context.Context, n int, match func(Span) bool) ([]Span, error) {
	for {
		s.mu.Lock()
		var found []Span
		for _, span := range s.spans {
			if match == nil || match(span) {
				found = append(found, span)
			}
		}
		all, err, changed := len(s.spans), errors.Join(s.errs...), s.changed
		s.mu.Unlock()

		if len(found) >= n {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, fmt.Errorf("receiver: %d of %d spans (%d of any kind): %w", len(found), n, all, ctx.Err())
		}
	}
}

func (s *Server) keep(spans []Span) {
	if len(spans) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	room := maxSpans - len(s.spans)
	if len(spans) > room {
		s.note(fmt.Errorf("receiver: more than %d spans", maxSpans))
		spans = spans[:room]
	}
	s.spans = append(s.spans, spans...)
	s.wake()
}

func (s *Server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(err)
	s.wake()
}

// note must be called with mu held.
func (s *Server) note(err error) {
	if len(s.errs) < maxErrs {
		s.errs = append(s.errs, err)
	}
}

// wake must be called with mu held.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}
