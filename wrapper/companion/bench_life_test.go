//go:build linux

package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/graft-lambda/graft/internal/local"
	events "github.com/graft-lambda/graft/internal/telemetry"
)

// A counter is an OTLP collector that counts the log records, and takes its
// time before it answers.
type counter struct {
	b       *testing.B
	url     string
	delay   time.Duration
	records atomic.Int64
	stop    chan struct{}
}

func newCounter(b *testing.B, delay time.Duration) *counter {
	c := &counter{b: b, delay: delay, stop: make(chan struct{})}
	srv := httptest.NewServer(c)
	b.Cleanup(func() {
		close(c.stop)
		srv.Close()
	})
	c.url = srv.URL
	return c
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/logs" {
		in, err := gzip.NewReader(r.Body)
		assert.NoError(c.b, err)
		body, err := io.ReadAll(in)
		assert.NoError(c.b, err)
		var data logspb.LogsData
		assert.NoError(c.b, proto.Unmarshal(body, &data))
		for _, resource := range data.ResourceLogs {
			for _, scope := range resource.ScopeLogs {
				c.records.Add(int64(len(scope.LogRecords)))
			}
		}
	}
	if c.delay > 0 {
		select {
		case <-time.After(c.delay):
		case <-c.stop:
		}
	}
}

// deadEndpoint is an address that nobody listens at.
func deadEndpoint(b *testing.B) string {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	return "http://" + l.Addr().String()
}

// observed is what makes the companion watch everything.
func observed(to, flush, endpoint string) []string {
	return []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=" + to, "GRAFT_TELEMETRY_FLUSH=" + flush, "OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint}
}

// A watched is a function whose processes can be told from all others.
type watched struct {
	*function
	*local.Environment
	mark string
}

var marks atomic.Int64

func watchedFunction(b *testing.B, opt string, env ...string) *watched {
	b.Helper()
	mark := fmt.Sprintf("BENCH_MARK=%s-%d", scratch, marks.Add(1))
	f := newFunction(b, opt, append(env, mark)...)
	f.Env = f.Env[1:] // no wrapper
	f.ExtensionOutput = func(string) io.Writer { return &f.err }
	return &watched{function: f, mark: mark}
}

// begin starts it.
func (w *watched) begin(b *testing.B) *watched {
	b.Helper()
	w.Environment = w.start(b)
	return w
}

// pid is that of one of its extensions.
func (w *watched) pid(b *testing.B, name string) int {
	return processOf(b, "/opt/extensions/"+name, w.mark)
}

// BenchmarkMemory reports what the companion has in memory after 1,000
// invocations, beside the least extension in Go.
func BenchmarkMemory(b *testing.B) {
	const invocations = 1000
	opt := layer(b, nil)
	put(b, minimal(b), filepath.Join(opt, "extensions", minimalName))
	c := newCounter(b, 0)
	for b.Loop() {
		t := newTable(fmt.Sprintf("MB after %d invocations", invocations), "resident", "at most")
		row := func(w *watched, program, name string) {
			now, most := memory(b, w.pid(b, program))
			t.row(name, "%.1f", now, "%.1f", most)
			b.ReportMetric(now, metric(name, "MB"))
		}
		for i, env := range [][]string{nil, observed("otlp", "async", c.url), observed("otlp", "end", c.url)} {
			w := watchedFunction(b, opt, env...).begin(b)
			for range invocations {
				send(b, w.Environment, "hello")
			}
			if i == 0 {
				row(w, minimalName, "minimal extension in Go")
			}
			row(w, "graft-companion", []string{"companion", "companion, otlp, async", "companion, otlp, end"}[i])
			require.NoError(b, w.Stop(b.Context()))
		}
		b.Logf("\n%s", t)
	}
}

// BenchmarkHeld reports how long invocations are held for the companion's sake,
// all ways to send telemetry in turns. It is what Lambda reports as
// extensionOverhead; beside it stands all the time between the end of the
// runtime's part and that of the invocation, which has the local environment's
// own work in it, and is there without a companion too.
func BenchmarkHeld(b *testing.B) {
	const invocations, warm = 200, 5
	none, opt := b.TempDir(), layer(b, nil)
	well, slow := newCounter(b, 0), newCounter(b, 50*time.Millisecond)
	ways := []struct {
		name, layer string
		env         []string
	}{
		{"no companion", none, nil},
		{"companion, no telemetry", opt, nil},
		{"async, otlp", opt, observed("otlp", "async", well.url)},
		{"async, otlp, dead", opt, observed("otlp", "async", deadEndpoint(b))},
		{"end, stdout", opt, observed("stdout", "end", "")},
		{"end, otlp", opt, observed("otlp", "end", well.url)},
		{"end, otlp, answers in 50 ms", opt, observed("otlp", "end", slow.url)},
		{"end, otlp, dead", opt, observed("otlp", "end", deadEndpoint(b))},
	}
	for b.Loop() {
		functions := make([]*watched, len(ways))
		overheads := make([][]time.Duration, len(ways))
		for i, w := range ways {
			functions[i] = watchedFunction(b, w.layer, w.env...)
			functions[i].Events = func(e events.Event) { overheads[i] = append(overheads[i], extensionOverhead(e)...) }
			functions[i].begin(b)
		}
		wholes := make([][]time.Duration, len(ways))
		for range invocations + warm {
			for i, f := range functions {
				answer, err := f.Invoke(b.Context(), []byte(`"hello"`))
				require.NoError(b, err)
				require.Empty(b, answer.FunctionError)
				wholes[i] = append(wholes[i], answer.Whole-answer.Duration)
			}
		}
		t := newTable(fmt.Sprintf("ms, %d invocations each", invocations), "held, median", "95 of 100", "at most", "after the runtime, median")
		for i, w := range ways {
			require.NoError(b, functions[i].Stop(b.Context()))
			held := make([]time.Duration, invocations)
			if w.layer != none {
				require.Len(b, overheads[i], invocations+warm)
				held = overheads[i][warm:]
			}
			t.row(w.name, "%.2f", millis(median(held)), "%.2f", millis(quantile(held, 0.95)), "%.2f", millis(quantile(held, 1)),
				"%.2f", millis(median(wholes[i][warm:])))
			b.ReportMetric(millis(median(held)), metric(w.name, "ms"))
		}
		b.Logf("\n%s", t)
	}
}

// extensionOverhead returns that of a report.
func extensionOverhead(e events.Event) (list []time.Duration) {
	var record struct {
		Spans []struct {
			Name       string
			DurationMs float64
		}
	}
	if e.Type == events.TypeReport && json.Unmarshal(e.Record, &record) == nil {
		for _, span := range record.Spans {
			if span.Name == "extensionOverhead" {
				list = append(list, time.Duration(span.DurationMs*float64(time.Millisecond)))
			}
		}
	}
	return list
}

// printEvent has the runtime print so many lines in each of so many seconds.
const (
	printEvent         = "print"
	perSecond, seconds = 20_000, 5
)

// printLines prints evenly, as many at once as are due.
func printLines() {
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	defer out.Flush()
	began := time.Now()
	for printed := 0; printed < perSecond*seconds; {
		due := min(perSecond*seconds, int(time.Since(began).Seconds()*perSecond))
		for ; printed < due; printed++ {
			fmt.Fprintf(out, "line %d of the function, as long as lines are, with some words in it\n", printed)
		}
		out.Flush()
		time.Sleep(10 * time.Millisecond)
	}
}

// BenchmarkSustained has a function print 20,000 lines in each of some seconds,
// and reports what becomes of them, and what the companion needs for it. It is
// sent all of them for standard output too, but prints the platform's events only.
func BenchmarkSustained(b *testing.B) {
	opt := layer(b, nil)
	for b.Loop() {
		t := newTable(fmt.Sprintf("%d lines/s", perSecond), "seconds", "sent", "received", "dropped", "MB", "at most", "% of a processor")
		for _, way := range []struct{ to, takes string }{{"otlp", "function"}, {"stdout", "platform."}} {
			c := newCounter(b, 0)
			w := watchedFunction(b, opt, observed(way.to, "async", c.url)...)
			w.Stdout, w.Stderr = io.Discard, io.Discard
			var sent atomic.Int64
			w.Events = func(e events.Event) {
				if strings.HasPrefix(e.Type, way.takes) {
					sent.Add(1)
				}
			}
			w.begin(b)
			pid := w.pid(b, "graft-companion")
			before := processorTime(b, pid)
			answer, err := w.Invoke(b.Context(), fmt.Appendf(nil, "%q", printEvent))
			require.NoError(b, err)
			require.Empty(b, answer.FunctionError, "%s", answer.Body)
			if way.to == "otlp" {
				require.Eventually(b, func() bool { return c.records.Load() >= sent.Load() }, limit, step)
			}
			now, most := memory(b, pid)
			used := processorTime(b, pid) - before
			total := sent.Load()
			require.NoError(b, w.Stop(b.Context()))
			received := c.records.Load() + int64(strings.Count(w.err.String(), `{"graft":"platform"`))
			t.row(way.to, "%.2f", answer.Duration.Seconds(), "%d", total, "%d", received, "%d", total-received,
				"%.1f", now, "%.1f", most, "%.0f", 100*used.Seconds()/answer.Duration.Seconds())
			b.ReportMetric(float64(total-received), metric(way.to+" dropped", "events"))
			b.ReportMetric(most, metric(way.to, "MB"))
			assert.NotContains(b, w.err.String(), "dropped")
		}
		b.Logf("\n%s", t)
	}
}
