//go:build linux

package local_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/graft-lambda/graft/internal/testbed"
)

// writes is a runtime that runs the script, which may write, and sleeps.
func writes(script string) string { return "#!/bin/bash\n" + script + "\nexec sleep 1000\n" }

// A listening is a subscriber's HTTP server in this process, whose answers the
// test decides on.
type listening struct {
	*events
	port    int
	batches chan int // gets the size of each delivery that was taken
}

// listenAt starts one at this address. Before it takes a delivery it asks
// answer, which has the number of the request, from 0, for the status.
func listenAt(t *testing.T, address string, answer func(n int) int) *listening {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	l := &listening{events: newEvents(), port: listener.Addr().(*net.TCPAddr).Port, batches: make(chan int, 10_000)}
	requests := 0
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		status := answer(requests)
		requests++
		some, skipped, wrong := telemetry.Batch(body)
		if err != nil || wrong != nil || skipped > 0 || len(some) == 0 {
			panic(fmt.Sprint(err, wrong, skipped))
		}
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
		if status < 400 {
			l.batches <- len(some)
			l.add(some...)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return l
}

func ok(int) int { return 200 }

func (l *listening) uri() string { return fmt.Sprintf("http://sandbox.localdomain:%d/", l.port) }

// lineCount is the condition that there are so many lines of the function.
func lineCount(n int) func([]telemetry.Event) bool {
	return func(all []telemetry.Event) bool { return len(of(all, "function")) >= n }
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s, id := registered(t, scripts(t, sleeper, sleeper))
	got, l := receiver(t)
	s.step("", "PUT", telemetryPath, wanting("2025-01-29", everything, atOnce, to(l.URI())), idIs, id)
	got.until(t, has("platform.telemetrySubscription"))
	all := got.list()
	require.GreaterOrEqual(t, len(all), 3)
	address := `"at ` + strings.TrimPrefix(s.base, "http://") + `"`
	assert.Equal(t, []string{"initStart", "extension " + address}, types(all)[:2])
	assert.Equal(t, telemetry.Subscription{Name: "ext", State: "Subscribed", Types: []string{"platform", "function", "extension"}},
		record[telemetry.Subscription](t, all, "platform.telemetrySubscription"))
}

// Each time only one of the limits can be why there is a delivery.
func TestBuffering(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, runtime, buffering string
		want                     int // records in the first delivery
	}{
		{"items", writes(`seq 1500`), `"maxItems":1000,"maxBytes":1048576,"timeoutMs":30000`, 1000},
		{"bytes", writes(`for i in {1..40}; do printf '%010000d\n' $i; done`), `"maxItems":10000,"maxBytes":262144,"timeoutMs":30000`, 26},
		{"time", writes(`echo 1`), `"maxItems":10000,"maxBytes":1048576,"timeoutMs":25`, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, id := registered(t, scripts(t, test.runtime, sleeper))
			l := listenAt(t, "127.0.0.1:0", ok)
			// Less than the 30 s after which there would be a delivery anyway.
			ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
			defer cancel()
			s.step("", "PUT", telemetryPath, wanting("2025-01-29", `"function"`, test.buffering, to(l.uri())), idIs, id)
			l.within(t, ctx, lineCount(1))
			assert.Equal(t, test.want, <-l.batches)
			assert.Empty(t, l.batches)
		})
	}
}

func TestManyLines(t *testing.T) {
	t.Parallel()
	const n = 10_000
	s, id := registered(t, scripts(t, writes(`seq `+strconv.Itoa(n)), sleeper))
	got, l := receiver(t)
	s.step("", "PUT", telemetryPath, wanting("2022-07-01", `"function"`, atOnce, to(l.URI())), idIs, id)
	got.until(t, lineCount(n))
	all := got.list()
	require.Len(t, all, n)
	for i, e := range all {
		require.Equal(t, strconv.Quote(strconv.Itoa(i+1)), string(e.Record))
	}
}

func TestLongLine(t *testing.T) {
	t.Parallel()
	all := newEvents()
	f := scripts(t, writes(`printf '%0600000d\n' 1; echo end`), sleeper)
	f.Events = all.sink
	registered(t, f)
	all.until(t, lineCount(4))
	var sizes []int
	for _, e := range of(all.list(), "function") {
		sizes = append(sizes, len(decoded[telemetry.Log](t, e).Text))
	}
	assert.Equal(t, []int{256 << 10, 256 << 10, 600_000 - 512<<10, 3}, sizes)
}

// The listener answers late, wrongly or not at all: nothing is lost, and what
// it has taken it gets once.
func TestRetry(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"503": 503, "400": 400, "connection cut": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, id := registered(t, scripts(t, writes(`seq 100`), sleeper))
			l := listenAt(t, "127.0.0.1:0", func(n int) int {
				if n < 3 {
					return status
				}
				return 200
			})
			s.step("", "PUT", telemetryPath, wanting("2025-01-29", `"function"`, atOnce, to(l.uri())), idIs, id)
			l.until(t, lineCount(100))
			assert.Len(t, l.list(), 100)
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		all := newEvents()
		f := scripts(t, writes(`seq 100`), sleeper)
		f.Events = all.sink
		s, id := registered(t, f)
		port := testbed.FreePort(t)
		s.step("", "PUT", telemetryPath, wanting("2025-01-29", everything, atOnce, to("http://sandbox.localdomain:"+port)), idIs, id)
		all.until(t, lineCount(100))
		l := listenAt(t, "127.0.0.1:"+port, ok)
		l.until(t, lineCount(100))
		assert.Len(t, of(l.list(), "function"), 100)
		assert.Empty(t, of(l.list(), "platform.logsDropped"))
	})
}

// A listener that takes nothing for long: what there is no room for is counted,
// and told once.
func TestDropped(t *testing.T) {
	t.Parallel()
	const n = 200
	all := newEvents()
	f := scripts(t, writes(`for i in {1..`+strconv.Itoa(n)+`}; do printf '%0200000d\n' $i; done`), sleeper)
	f.Events = all.sink
	s, id := registered(t, f)
	open := make(chan struct{})
	l := listenAt(t, "127.0.0.1:0", func(int) int { <-open; return 200 })
	s.step("", "PUT", telemetryPath, wanting("2025-01-29", `"platform","function"`, `"maxBytes":1048576,`+atOnce, to(l.uri())), idIs, id)
	all.until(t, lineCount(n))
	assert.Empty(t, of(all.list(), "platform.logsDropped"))
	close(open)
	l.until(t, has("platform.logsDropped"))
	dropped := record[telemetry.LogsDropped](t, l.list(), "platform.logsDropped")
	assert.EqualValues(t, n-len(of(l.list(), "function")), dropped.Records)
	assert.Greater(t, dropped.Records, 20.0, "40 MB are more than are kept")
	assert.Greater(t, dropped.Bytes, 200_000*dropped.Records)
	assert.NotEmpty(t, dropped.Reason)
	assert.Equal(t, dropped, record[telemetry.LogsDropped](t, all.list(), "platform.logsDropped"))
}

func TestTCP(t *testing.T) {
	t.Parallel()
	s, id := registered(t, scripts(t, writes(`seq 1000`), sleeper))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	s.step("", "PUT", telemetryPath, wanting("2025-01-29", `"function"`, atOnce, `"protocol":"TCP","port":`+port), idIs, id)
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer conn.Close()
	end, _ := s.ctx.Deadline()
	require.NoError(t, conn.SetDeadline(end))
	lines := bufio.NewScanner(conn)
	for i := range 1000 {
		require.True(t, lines.Scan(), lines.Err())
		var e telemetry.Event
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		assert.Equal(t, "function", e.Type)
		assert.Equal(t, strconv.Quote(strconv.Itoa(i+1)), string(e.Record))
		assert.Regexp(t, `^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",`, lines.Text())
	}
}

func TestLogFormat(t *testing.T) {
	t.Parallel()
	const object = `{"level":"INFO","message":"<ä>"}`
	script := `echo '` + object + `'; echo plain; echo '{broken'; echo '[1]'; echo ' {"a": 1} '`
	asObjects := []string{object, `"plain"`, `"{broken"`, `"[1]"`, `{"a": 1}`}
	asStrings := []string{`"{\"level\":\"INFO\",\"message\":\"<ä>\"}"`, `"plain"`, `"{broken"`, `"[1]"`, `" {\"a\": 1} "`}
	for _, test := range []struct {
		format, schema string
		want           []string
	}{
		{"JSON", "2025-01-29", asObjects},
		{"JSON", "2022-12-13", asObjects},
		{"JSON", "2022-07-01", asStrings},
		{"Text", "2025-01-29", asStrings},
	} {
		t.Run(test.format+" "+test.schema, func(t *testing.T) {
			t.Parallel()
			f := scripts(t, writes(script), sleeper)
			f.Env = []string{"AWS_LAMBDA_LOG_FORMAT=" + test.format}
			s, id := registered(t, f)
			l := listenAt(t, "127.0.0.1:0", ok)
			s.step("", "PUT", telemetryPath, wanting(test.schema, `"function"`, atOnce, to(l.uri())), idIs, id)
			l.until(t, lineCount(len(test.want)))
			var got []string
			for _, e := range l.list() {
				got = append(got, string(e.Record))
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestLogsAPI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		schema string
		want   []string
	}{
		{"2020-08-15", []string{"logsSubscription", "extension", "start", "fault", "end", "report"}},
		{"2021-03-18", []string{"logsSubscription", "extension", "start", "runtimeDone", "fault", "end", "report"}},
	} {
		t.Run(test.schema, func(t *testing.T) {
			t.Parallel()
			s, id := registered(t, scripts(t, "#!/bin/bash\n"+bashClient+"next; exit 3", sleeper))
			l := listenAt(t, "127.0.0.1:0", ok)
			s.step("", "PUT", logsPath, wanting(test.schema, `"platform"`, atOnce, to(l.uri())+`,"method":"PUT"`), idIs, id)
			s.open("", "GET", ext+"/event/next", idIs, id)
			l.until(t, has("platform.report"))
			assert.Equal(t, test.want, types(l.list()))
			fault := of(l.list(), "platform.fault")
			assert.Regexp(t, `^"RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3\\nRuntime.ExitError"$`, string(fault[0].Record))
			for _, done := range of(l.list(), "platform.runtimeDone") {
				assert.Regexp(t, `^\{"requestId":"[0-9a-f-]{36}","status":"failure"\}$`, string(done.Record))
			}
		})
	}
}

// On Managed Instances only the newest schema counts, and there is no Logs API.
func TestSubscribeOnManagedInstances(t *testing.T) {
	t.Parallel()
	f := scripts(t, sleeper, sleeper)
	f.InitType = local.ManagedInstances
	needIsolation(t)
	s := ourSession(t, f)
	s.begin(`{}`)
	id := s.step("", "POST", ext+"/register", `{"events":["SHUTDOWN"]}`, nameIs, "ext").Get(idIs)
	const tcp = `"protocol":"TCP","port":1`
	for _, test := range []struct {
		path, schema, destination string
		status                    int
	}{
		{logsPath, "2021-03-18", tcp, 404},
		{telemetryPath, "2022-12-13", tcp, 400},
		{telemetryPath, "2025-01-29", to("http://localhost:1"), 400},
		{telemetryPath, "2025-01-29", to("http://sandbox:1"), 200},
		{telemetryPath, "2025-01-29", tcp, 500},
	} {
		got, _ := s.send("PUT", test.path, wanting(test.schema, everything, "", test.destination), idIs, id)
		assert.Equal(t, test.status, got.Status, test)
	}
}

// A listener that never answers holds the shutdown up no longer than its
// budget allows, and what it did not take is counted.
func TestFlushIsBounded(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	l := listenAt(t, "127.0.0.1:0", func(int) int { <-held; return 200 })
	t.Cleanup(func() { close(held) })
	var o outputs
	f := with(t, &o, map[string]string{"x": `register '"SHUTDOWN"'
		curl -sS -o /dev/null -X PUT -H "Lambda-Extension-Identifier: $id" -d '` + wanting("2025-01-29", `"platform"`, `"timeoutMs":30000`, to(l.uri())) + `' "${api%/2020*}` + telemetryPath + `"
		loop`})
	all := newEvents()
	f.Events = all.sink
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	send(t, e, event{Do: "echo", Arg: "1"})
	require.NoError(t, e.Stop(context.Background()))
	assert.Equal(t, []string{"spindown"}, shutdowns(o.lines("x")))
	dropped := record[telemetry.LogsDropped](t, all.list(), "platform.logsDropped")
	assert.EqualValues(t, 8, dropped.Records) // those of init and invocation
	assert.Empty(t, l.list())
}
