//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A collector takes OTLP, and decodes it with the full upstream types.
type collector struct {
	url string
	// fault, if not nil, tells whether it has answered in the collector's place.
	fault  func(w http.ResponseWriter, r *http.Request) bool
	mu     sync.Mutex
	spans  []*tracepb.Span
	logs   []*logspb.LogRecord
	faults []error
	srv    *httptest.Server
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	srv := httptest.NewServer(c)
	c.url, c.srv = srv.URL, srv
	t.Cleanup(func() {
		srv.Close()
		assert.Empty(t, c.faults)
	})
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	fault := c.fault
	c.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	// Not with the lock: the sender may be frozen in the middle of it, until a
	// test goes on that asks what has arrived.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the connection broke: nobody hears an answer
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.take(r.URL.Path, body); err != nil {
		c.faults = append(c.faults, err)
		w.WriteHeader(http.StatusBadRequest)
	}
}

// take keeps what is in a request's body. It needs mu.
func (c *collector) take(path string, body []byte) error {
	in, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body, err = io.ReadAll(in); err != nil {
		return err
	}
	if path == "/v1/logs" {
		var data logspb.LogsData
		err = proto.Unmarshal(body, &data)
		for _, resource := range data.ResourceLogs {
			for _, scope := range resource.ScopeLogs {
				c.logs = append(c.logs, scope.LogRecords...)
			}
		}
		return err
	}
	var data tracepb.TracesData
	err = proto.Unmarshal(body, &data)
	for _, resource := range data.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	return err
}

// names returns the spans of a trace by name, of any trace if that is empty.
func (c *collector) names(trace string) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if trace == "" || hex.EncodeToString(span.TraceId) == trace {
			names = append(names, span.Name)
		}
	}
	slices.Sort(names)
	return names
}

// parents returns the parents' ids of the spans of that name in a trace.
func (c *collector) parents(trace, name string) (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if hex.EncodeToString(span.TraceId) == trace && span.Name == name {
			ids = append(ids, hex.EncodeToString(span.ParentSpanId))
		}
	}
	return ids
}

// lines returns the bodies of the log records.
func (c *collector) lines() (lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, record := range c.logs {
		lines = append(lines, record.Body.GetStringValue())
	}
	return lines
}

// breakDown has fault stand before the collector.
func (c *collector) breakDown(fault func(http.ResponseWriter, *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = fault
}

// bodyFunc is a request's body that is read by a call.
type bodyFunc func(p []byte) (int, error)

func (read bodyFunc) Read(p []byte) (int, error) { return read(p) }

// TestCollectorHalfSent: a test can ask what has arrived while the sender, in
// the middle of a request, does not go on.
func TestCollectorHalfSent(t *testing.T) {
	c := &collector{}
	read := 0
	c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/logs", bodyFunc(func([]byte) (int, error) {
		read++
		if assert.True(t, c.mu.TryLock(), "it holds nobody up") {
			c.mu.Unlock()
		}
		return 0, io.ErrUnexpectedEOF
	})))
	assert.Equal(t, 1, read)
	assert.Empty(t, c.lines())
}
