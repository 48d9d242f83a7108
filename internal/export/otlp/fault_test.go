package otlp

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collogspb "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"
)

const (
	secret  = "s3cret"
	oneLine = `[{"time":"2026-01-01T00:00:00Z","type":"function","record":"hello"}]`
)

// said keeps the lines of a pipeline.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// logsTo is a pipeline with one exporter, and the wall's clock moved by shift.
func logsTo(t *testing.T, url string, clock export.Clock) (*export.Pipeline, *said) {
	t.Helper()
	_, logs := exporters(t, map[string]string{
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=" + secret, "OTEL_EXPORTER_OTLP_TIMEOUT": "5000",
	}, Options{Now: clock.Now})
	out := new(said)
	return export.New(export.Config{Mode: export.End, Clock: clock, Log: out.say}, logs), out
}

// shifted is the system's clock, which can be moved.
type shifted struct {
	mu sync.Mutex
	by time.Duration
}

func (s *shifted) move(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by += by
}

func (s *shifted) clock() export.Clock {
	system := export.SystemClock()
	return export.Clock{After: system.After, Now: func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return system.Now().Add(s.by)
	}}
}

func answer(code int, header ...string) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, call int) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		return true
	}
}

func once(do func(http.ResponseWriter, *http.Request, int) bool) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, call int) bool { return call == 1 && do(w, r, call) }
}

func cut(w http.ResponseWriter, _ *http.Request, _ int) bool {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
	return true
}

// Each answer of an endpoint has one of three outcomes: sent, in the end;
// given up on, and counted; kept, and unsent only because all ended.
func TestAnswers(t *testing.T) {
	t.Parallel()
	rejects, err := proto.Marshal(&collogspb.ExportLogsServiceResponse{PartialSuccess: &collogspb.ExportLogsPartialSuccess{RejectedLogRecords: 1, ErrorMessage: "no"}})
	require.NoError(t, err)
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request, int) bool
		want   export.LaneStats
		says   string
	}{
		{"200", answer(200), export.LaneStats{Exported: 1}, ""},
		{"202", answer(202), export.LaneStats{Exported: 1}, ""},
		{"garbage", func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			_, _ = w.Write([]byte(strings.Repeat("garbage", 100_000)))
			return true
		}, export.LaneStats{Exported: 1}, ""},
		{"partial success", func(w http.ResponseWriter, _ *http.Request, _ int) bool { _, _ = w.Write(rejects); return true },
			export.LaneStats{Refused: 1}, "telemetry: otlp logs: 1 refused: the receiver rejected them"},
		{"400", answer(400), export.LaneStats{Refused: 1}, "telemetry: otlp logs: 400 Bad Request"},
		{"401", answer(401), export.LaneStats{Refused: 1}, "telemetry: otlp logs: 401 Unauthorized"},
		{"413", answer(413), export.LaneStats{Refused: 1}, "telemetry: otlp logs: 413 Request Entity Too Large"},
		{"500", answer(500), export.LaneStats{Refused: 1}, "telemetry: otlp logs: 500 Internal Server Error"},
		{"redirect", answer(307, "Location", "/elsewhere"), export.LaneStats{Refused: 1}, "telemetry: otlp logs: 307 Temporary Redirect: redirects are not followed"},
		{"429 once", once(answer(429)), export.LaneStats{Exported: 1, Retries: 1}, "telemetry: otlp logs: 429 Too Many Requests; will try again"},
		{"502 once", once(answer(502)), export.LaneStats{Exported: 1, Retries: 1}, "telemetry: otlp logs: 502 Bad Gateway; will try again"},
		{"503 once", once(answer(503)), export.LaneStats{Exported: 1, Retries: 1}, "telemetry: otlp logs: 503 Service Unavailable; will try again"},
		{"504 once", once(answer(504)), export.LaneStats{Exported: 1, Retries: 1}, "telemetry: otlp logs: 504 Gateway Timeout; will try again"},
		{"429 for a second", once(answer(429, "Retry-After", "1")), export.LaneStats{Exported: 1, Retries: 1}, "telemetry: otlp logs: 429 Too Many Requests; will try again"},
		{"429 for long", answer(429, "Retry-After", "600"), export.LaneStats{Unsent: 1, Retries: 1}, "telemetry: otlp logs: 429 Too Many Requests; will try again"},
		{"503 for ever", answer(503), export.LaneStats{Unsent: 1, Retries: 5}, "telemetry: otlp logs: 503 Service Unavailable; will try again"},
		{"cut once", once(cut), export.LaneStats{Exported: 1, Retries: 1}, "telemetry: otlp logs: EOF; will try again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			c.answer = test.answer
			p, out := logsTo(t, c.URL+"/v1/logs", export.SystemClock())
			p.Add(batch(t, oneLine))
			require.NoError(t, p.Flush(within(t)))
			stats := p.Close(within(t))
			test.want.Exporter, test.want.Accepted = "otlp logs", 1
			assert.Equal(t, export.Stats{test.want}, stats)
			assert.Equal(t, test.says, out.all())
			assert.NotContains(t, out.all()+stats.Line(), secret)
		})
	}
}

// The secret headers go nowhere but to the endpoint.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	other := newCollector(t)
	c := newCollector(t)
	c.answer = answer(302, "Location", other.URL+"/v1/logs")
	p, _ := logsTo(t, c.URL+"/v1/logs", export.SystemClock())
	p.Add(batch(t, oneLine))
	p.Close(within(t))
	assert.Zero(t, other.calls)
	assert.Equal(t, 1, c.calls)
}

func TestEndpointDownThenUp(t *testing.T) {
	t.Parallel()
	// Bound and not yet listening: refused, and nobody else's.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	socket := os.NewFile(uintptr(fd), "endpoint")
	defer socket.Close()
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	name, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	var clock shifted
	p, out := logsTo(t, "http://"+address+"/v1/logs", clock.clock())
	for i := range 20 {
		p.Add(batch(t, fmt.Sprintf(`[{"type":"function","record":"%d"}]`, i)))
		require.NoError(t, p.Flush(within(t)))
	}
	stats := p.Stats()[0]
	assert.EqualValues(t, 20, stats.Queued)
	assert.Less(t, stats.Retries, uint64(10), "no hot loop")
	assert.Contains(t, out.all(), "connection refused")
	assert.NotContains(t, out.all(), "\n", "one line")

	require.NoError(t, syscall.Listen(fd, 16))
	listener, err := net.FileListener(socket)
	require.NoError(t, err)
	up := new(collector)
	server := &http.Server{Handler: up}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	clock.move(time.Minute)
	require.NoError(t, p.Flush(within(t)))
	p.Close(within(t))
	assert.Len(t, up.records(), 20)
}

// An endpoint that takes the connection and never answers.
func TestEndpointHangs(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	release := make(chan struct{})
	c.answer = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		select {
		case <-release:
			return false
		case <-t.Context().Done():
			return true
		}
	}
	p, _ := logsTo(t, c.URL+"/v1/logs", export.SystemClock())
	held := 0
	for range 50 {
		p.Add(batch(t, oneLine))
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if p.Flush(short) != nil {
			held++
		}
		cancel()
	}
	assert.Equal(t, 1, held, "one invocation pays, for 100 ms")
	close(release)
	stats := p.Close(within(t))
	assert.EqualValues(t, 50, stats[0].Exported)
	assert.Len(t, c.records(), 50)
}

func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	c.answer = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		// Only a server that has read the body notices that its client is gone.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return true
	}
	p, _ := logsTo(t, c.URL+"/v1/logs", export.SystemClock())
	p.Add(batch(t, oneLine))
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	stats := p.Close(short)
	assert.Less(t, time.Since(began), 4*time.Second, "well before the attempt's own limit")
	assert.EqualValues(t, 1, stats[0].Unsent)
}

// The environment is frozen for an hour while a request is under way, and the
// connection does not outlive that.
func TestFrozenForAnHour(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	var clock shifted
	c.answer = once(func(w http.ResponseWriter, r *http.Request, call int) bool {
		clock.move(time.Hour)
		return cut(w, r, call)
	})
	p, _ := logsTo(t, c.URL+"/v1/logs", clock.clock())
	p.Add(batch(t, oneLine))
	require.NoError(t, p.Flush(within(t)))
	p.Add(batch(t, oneLine)) // at the thaw
	clock.move(time.Second)
	require.NoError(t, p.Flush(within(t)))
	stats := p.Close(within(t))
	assert.EqualValues(t, 2, stats[0].Exported)
	assert.Len(t, c.records(), 2)
}

// Batches that fail in between leave the spans whole: the state that a failed
// attempt came to is not kept.
func TestSpansSurviveRetries(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	c.answer = func(w http.ResponseWriter, r *http.Request, call int) bool {
		return call%2 == 1 && answer(503)(w, r, call)
	}
	var clock shifted
	traces, _ := exporters(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL}, Options{})
	p := export.New(export.Config{Mode: export.End, Clock: clock.clock()}, traces)
	for _, event := range batch(t, life) {
		p.Add([]telemetry.Event{event})
		for range 3 {
			clock.move(time.Minute)
			require.NoError(t, p.Flush(within(t)))
		}
	}
	p.Close(within(t))
	require.Len(t, c.spans(), 5)
	checkSpans(t, c.spans())
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 5 ": 5 * time.Second, "-5": 0, "soon": 0, "99999999": time.Hour,
		"Thu, 01 Jan 2026 12:00:30 GMT": 30 * time.Second, "Thu, 01 Jan 2026 11:00:00 GMT": 0,
	} {
		assert.Equal(t, want, retryAfter(header, now), header)
	}
}

// Text that is not UTF-8 must not cost the batch.
func TestNotUTF8(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	_, logs := exporters(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_SERVICE_NAME": "caf\xe9"}, Options{})
	p := export.New(export.Config{}, logs)
	p.Add(batch(t, "[{\"type\":\"function\",\"record\":\"a\xffb\"}]"))
	p.Add([]telemetry.Event{{Type: "function", Record: []byte("{broken \xff")}})
	stats := p.Close(within(t))
	assert.EqualValues(t, 2, stats[0].Exported)
	require.Len(t, c.records(), 2)
	assert.Equal(t, "a�b", c.records()[0].Body.GetStringValue())
	noFaults(t, c)
}
