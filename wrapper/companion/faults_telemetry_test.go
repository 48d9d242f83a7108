//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deliver sends a batch to the companion's listener, as Lambda does, and returns
// the status of the answer.
func (r *trial) deliver(body io.Reader) int {
	r.mu.Lock()
	port := r.port
	r.mu.Unlock()
	answer, err := http.Post("http://127.0.0.1:"+port+"/", "application/json", body)
	require.NoError(r, err)
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// batch is one of n lines that the function has written.
func batch(first, n int) io.Reader {
	var b bytes.Buffer
	for i := range n {
		sep := ","
		if i == 0 {
			sep = "["
		}
		fmt.Fprintf(&b, `%s{"time":"2026-01-01T00:00:00.000Z","type":"function","record":"line %d"}`, sep, first+i)
	}
	return strings.NewReader(b.String() + "]")
}

// lined counts the lines of batches that have arrived.
func (r *trial) lined() (n int) {
	for _, line := range r.collector.lines() {
		if strings.HasPrefix(line, "line ") {
			n++
		}
	}
	return n
}

// delivers has a batch sent, which must be answered so.
func delivers(body string, times, status int) func(*trial) string {
	return func(r *trial) string {
		for range times {
			assert.Equal(r, status, r.deliver(strings.NewReader(body)))
		}
		if status >= 400 {
			return "left out"
		}
		return ""
	}
}

const aLine = `{"time":"2026-01-01T00:00:00.000Z","type":"function","record":"line 1"}`

var deliveryFaults = []fault{
	{name: "the usual ports are taken", before: takePorts},
	{name: "`sandbox.localdomain` does not resolve", before: func(r *trial) { r.NoSandboxName = true }},
	{name: "empty batch", during: delivers("", 3, 200)},
	{name: "batch that is not JSON", during: delivers("<html>", 3, 400), telemetry: others},
	{name: "batch that is cut off", during: delivers(`[`+aLine+`,{"time"`, 1, 200),
		after: linesArrive(1, "")},
	{name: "events between garbage", during: delivers(`[7,null,"x",{},{"type":7},`+aLine+`,{"time":"soon","type":"function","record":"line 2"}]`, 1, 200),
		after: linesArrive(2, "")},
	{name: "event of an unknown type in a batch", during: delivers(`[{"time":"2026-01-01T00:00:00.000Z","type":"platform.new","record":[1]},`+aLine+`]`, 1, 200),
		after: linesArrive(1, "")},
	{name: "batch of 16 MB", during: delivers("["+strings.Repeat(" ", 16<<20)+"]", 1, 413), telemetry: others},
	{name: "event of 3 MB", during: delivers(`[{"time":"2026-01-01T00:00:00.000Z","type":"function","record":"line `+strings.Repeat("x", 3<<20)+`"}]`, 1, 200),
		after: linesArrive(1, "")},
	{name: "50,000 events in a second", during: func(r *trial) string {
		tick := time.NewTicker(time.Second / 50)
		defer tick.Stop()
		for i := range 50 {
			<-tick.C
			assert.Equal(r, 200, r.deliver(batch(i*1000, 1000)))
		}
		return ""
	}, after: linesArrive(50_000, "")},
	{name: "50,000 events while the endpoint hangs", during: func(r *trial) string {
		r.arrivedFirst()
		entered, release := r.hang()
		assert.Equal(r, 200, r.deliver(batch(0, 1000)))
		<-entered
		for i := range 49 {
			assert.Equal(r, 200, r.deliver(batch((i+1)*1000, 1000)))
		}
		close(release)
		return ""
	}, after: overflowed, telemetry: others},
}

// takePorts has others listen where extensions do as a rule.
func takePorts(r *trial) {
	for _, port := range []string{"1053", "4243", "4318", "8080", "8124", "9000", "9999"} {
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			r.Cleanup(func() { l.Close() })
		}
	}
}

// linesArrive waits until n lines of batches have, which is the outcome.
func linesArrive(n int, outcome string) func(*trial) string {
	return func(r *trial) string {
		eventually(r.T, func() bool { return r.lined() >= n }, "%d lines arrive", n)
		assert.Equal(r, n, r.lined())
		return outcome
	}
}

// overflowed makes sure that what has not arrived was counted. A few platform
// events are beside the lines in the queue.
func overflowed(r *trial) string {
	const before, after = linePrefix + "telemetry: otlp logs: ", " events dropped: the queue was full\n"
	eventually(r.T, func() bool { return strings.Contains(r.printed(), after) }, "it is said")
	text, _, _ := strings.Cut(r.printed(), after)
	dropped, err := strconv.Atoi(text[strings.LastIndex(text, before)+len(before):])
	require.NoError(r, err)
	assert.InDelta(r, 29_000, dropped, 20)
	assert.InDelta(r, 50_000, dropped+r.lined(), 20)
	return "29,000 dropped, beyond the queue's limit: counted"
}

// arrivedFirst waits for the line of the first invocation.
func (r *trial) arrivedFirst() {
	eventually(r.T, func() bool { return len(r.collector.lines()) == 1 }, "the first line arrives")
}

// hang has the collector hang, for logs, until release is closed. Entered tells
// that it does.
func (r *trial) hang() (entered <-chan struct{}, release chan struct{}) {
	in, release := make(chan struct{}, 100), make(chan struct{})
	r.collector.breakDown(func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path == "/v1/logs" {
			in <- struct{}{}
			<-release
		}
		return false
	})
	return in, release
}

// An endpoint's fault is how the collector answers n times.
func endpoint(n int, answer reply) func(*trial) {
	return func(r *trial) {
		left := map[string]int{"/v1/logs": n, "/v1/traces": n}
		var mu = make(chan struct{}, 1)
		r.collector.breakDown(func(w http.ResponseWriter, q *http.Request) bool {
			mu <- struct{}{}
			left[q.URL.Path]--
			broken := left[q.URL.Path] >= 0
			<-mu
			if broken {
				_, _ = io.Copy(io.Discard, q.Body)
				answer(w, q)
			}
			return broken
		})
	}
}

// later answers with a status and how long to wait.
func later(code int, after string) reply {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(code)
	}
}

// inTime has the last try made before the SHUTDOWN, whose two seconds are not
// enough for several on a busy machine.
func inTime(r *trial) (nothing string) {
	r.arrived()
	return ""
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// noEndpoint has nobody listen there.
func noEndpoint(r *trial) {
	r.Env = slices.DeleteFunc(r.Env, func(entry string) bool { return strings.HasPrefix(entry, "OTEL_EXPORTER_OTLP_ENDPOINT=") })
	r.Env = append(r.Env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
}

// counted makes sure that what was not sent is. What a forked companion says at
// the end nobody waits for.
func counted(r *trial) {
	if !r.forked {
		assert.Contains(r, r.printed(), linePrefix+"telemetry: dropped: otlp traces: ")
	}
}

var endpointFaults = []fault{
	{name: "OTLP endpoint down", before: noEndpoint, telemetry: unsent, stopped: counted},
	{name: "OTLP endpoint hangs, once", env: []string{"OTEL_EXPORTER_OTLP_TIMEOUT=500"}, before: endpoint(1, hangs), after: inTime},
	{name: "OTLP endpoint hangs, for ever", before: endpoint(forever, hangs), telemetry: unsent, stopped: counted},
	{name: "OTLP endpoint hangs up, three times", before: endpoint(3, hangUp), after: inTime},
	{name: "OTLP endpoint answers 429, wait a second", before: endpoint(1, later(429, "1")), after: inTime},
	{name: "OTLP endpoint answers 429, wait ten minutes", before: endpoint(forever, later(429, "600")), telemetry: unsent, stopped: counted},
	{name: "OTLP endpoint answers 503, three times", before: endpoint(3, status(503, "")), after: inTime},
	{name: "OTLP endpoint answers 503, for ever", before: endpoint(forever, status(503, "")), telemetry: unsent, stopped: counted},
	{name: "OTLP endpoint answers 401", before: endpoint(forever, status(401, "")), telemetry: unsent, stopped: counted},
	{name: "OTLP endpoint redirects", before: endpoint(forever, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}), telemetry: unsent, stopped: counted},
}
