//go:build linux

package local_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
)

// events collects telemetry. Its methods may be called from several goroutines.
type events struct {
	mu      sync.Mutex
	all     []telemetry.Event
	changed chan struct{}
}

func newEvents() *events { return &events{changed: make(chan struct{})} }

func (e *events) add(some ...telemetry.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, some...)
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *events) accept(some []telemetry.Event) { e.add(some...) }
func (e *events) sink(one telemetry.Event)      { e.add(one) }

func (e *events) list() []telemetry.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// until waits until the events fulfil the condition.
func (e *events) until(t *testing.T, condition func([]telemetry.Event) bool) {
	t.Helper()
	e.within(t, bounded(t), condition)
}

func (e *events) within(t *testing.T, ctx context.Context, condition func([]telemetry.Event) bool) {
	t.Helper()
	for {
		e.mu.Lock()
		ok, changed := condition(e.all), e.changed
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.Fail(t, "the events did not come", types(e.list()))
		}
	}
}

// has is the condition that there is an event of the type.
func has(kind string) func([]telemetry.Event) bool {
	return func(all []telemetry.Event) bool { return len(of(all, kind)) > 0 }
}

func of(all []telemetry.Event, kind string) (some []telemetry.Event) {
	for _, e := range all {
		if e.Type == kind {
			some = append(some, e)
		}
	}
	return some
}

// types returns the types of events without "platform.", with the text of lines.
func types(all []telemetry.Event) (names []string) {
	for _, e := range all {
		name := strings.TrimPrefix(e.Type, "platform.")
		if !e.IsPlatform() {
			name += " " + string(e.Record)
		}
		names = append(names, name)
	}
	return names
}

// record decodes the only event of the type.
func record[T any](t *testing.T, all []telemetry.Event, kind string) T {
	t.Helper()
	some := of(all, kind)
	require.Len(t, some, 1, kind)
	return decoded[T](t, some[0])
}

func decoded[T any](t *testing.T, e telemetry.Event) T {
	t.Helper()
	v, err := e.Decode()
	require.NoError(t, err)
	return v.(T)
}

// receiver is a subscriber's listener in this process, at a free port.
func receiver(t *testing.T) (*events, *telemetry.Listener) {
	t.Helper()
	got := newEvents()
	l, err := telemetry.Listen(t.Context(), telemetry.Receiver{Accept: got.accept})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return got, l
}

// wanting is the body of a subscription.
func wanting(schema, types, buffering, destination string) string {
	return fmt.Sprintf(`{"schemaVersion":%q,"types":[%s],"buffering":{%s},"destination":{%s}}`, schema, types, buffering, destination)
}

const (
	telemetryPath = "/2022-07-01/telemetry"
	logsPath      = "/2020-08-15/logs"
	everything    = `"platform","function","extension"`
	atOnce        = `"timeoutMs":25`
)

func to(uri string) string { return fmt.Sprintf(`"protocol":"HTTP","URI":%q`, uri) }

// registered is a session whose extension has registered; it returns the identifier.
func registered(t *testing.T, f local.Function) (*session, string) {
	t.Helper()
	needIsolation(t)
	s := ourSession(t, f)
	s.begin(`{}`)
	return s, s.step("", "POST", ext+"/register", `{"events":["INVOKE","SHUTDOWN"]}`, nameIs, "ext").Get(idIs)
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	const telemetryError, logsError = "ValidationError", "Logs.ValidationError"
	s, id := registered(t, scripts(t, sleeper, sleeper))
	tcp := func(port string) string { return `"protocol":"TCP","port":` + port }
	full := func(buffering string) string { return wanting("2025-01-29", everything, buffering, tcp("1")) }
	at := func(uri string) string { return wanting("2025-01-29", everything, "", to(uri)) }
	const host = "http://sandbox.localdomain:8080"
	for _, test := range []struct{ path, body, errorType, message string }{
		{telemetryPath, ``, telemetryError, "not a subscription: unexpected end of JSON input"},
		{telemetryPath, `{`, telemetryError, "not a subscription: unexpected end of JSON input"},
		{telemetryPath, `[]`, telemetryError, "not a subscription: json: cannot unmarshal array"},
		{telemetryPath, `{}`, telemetryError, "schemaVersion: required"},
		{telemetryPath, `null`, telemetryError, "schemaVersion: required"},
		{telemetryPath, strings.Repeat(" ", 1<<17), telemetryError, "request: more than 65536 bytes"},
		{telemetryPath, wanting("2021-03-18", everything, "", tcp("1")), telemetryError, `schemaVersion: \"2021-03-18\": not one of 2022-07-01, 2022-12-13, 2025-01-29`},
		{telemetryPath, wanting("2025-01-29", "", "", tcp("1")), telemetryError, "types: at least one is required"},
		{telemetryPath, wanting("2025-01-29", `"platform","Function"`, "", tcp("1")), telemetryError, `types: \"Function\": not one of platform, function, extension`},
		{telemetryPath, `{"schemaVersion":"2025-01-29","types":["platform"]}`, telemetryError, "destination: required"},
		{telemetryPath, wanting("2025-01-29", everything, "", ""), telemetryError, `destination.protocol: \"\": not one of HTTP, TCP`},
		{telemetryPath, wanting("2025-01-29", everything, "", `"protocol":"UDP"`), telemetryError, `destination.protocol: \"UDP\": not one of HTTP, TCP`},
		{telemetryPath, wanting("2025-01-29", everything, "", `"protocol":"TCP"`), telemetryError, "destination.port: required"},
		{telemetryPath, wanting("2025-01-29", everything, "", tcp("0")), telemetryError, "destination.port: 0: not from 1 to 65535"},
		{telemetryPath, wanting("2025-01-29", everything, "", tcp("65536")), telemetryError, "destination.port: 65536: not from 1 to 65535"},
		{telemetryPath, wanting("2025-01-29", everything, "", tcp("1.5")), telemetryError, "not a subscription: json: cannot unmarshal number 1.5"},
		{telemetryPath, wanting("2025-01-29", everything, "", `"protocol":"HTTP"`), telemetryError, "destination.URI: required"},
		{telemetryPath, at("http://localhost:1"), telemetryError, "destination.URI host must be sandbox.localdomain"},
		{telemetryPath, at("http://sandbox.local:1"), telemetryError, "destination.URI host must be sandbox.localdomain"},
		{telemetryPath, at("http://sandbox:1"), telemetryError, "destination.URI host must be sandbox.localdomain"},
		{telemetryPath, at("http://127.0.0.1:1"), telemetryError, "destination.URI host must be sandbox.localdomain"},
		{telemetryPath, at("https://sandbox.localdomain:1"), telemetryError, `destination.URI: \"https://sandbox.localdomain:1\": the scheme must be http`},
		{telemetryPath, at("sandbox.localdomain:1"), telemetryError, `destination.URI: \"sandbox.localdomain:1\": the scheme must be http`},
		{telemetryPath, at("http://sandbox.localdomain:0"), telemetryError, `destination.URI: \"http://sandbox.localdomain:0\": the port is not from 1 to 65535`},
		{telemetryPath, at("http://sandbox.localdomain:99999"), telemetryError, `destination.URI: \"http://sandbox.localdomain:99999\": the port is not from 1 to 65535`},
		{telemetryPath, at("http://sandbox.localdomain:x"), telemetryError, `destination.URI: \"http://sandbox.localdomain:x\": not a URI`},
		{telemetryPath, full(`"maxItems":999`), telemetryError, "buffering.maxItems: 999: not from 1000 to 10000"},
		{telemetryPath, full(`"maxItems":10001`), telemetryError, "buffering.maxItems: 10001: not from 1000 to 10000"},
		{telemetryPath, full(`"maxBytes":262143`), telemetryError, "buffering.maxBytes: 262143: not from 262144 to 1048576"},
		{telemetryPath, full(`"maxBytes":1048577`), telemetryError, "buffering.maxBytes: 1048577: not from 262144 to 1048576"},
		{telemetryPath, full(`"timeoutMs":24`), telemetryError, "buffering.timeoutMs: 24: not from 25 to 30000"},
		{telemetryPath, full(`"timeoutMs":30001`), telemetryError, "buffering.timeoutMs: 30001: not from 25 to 30000"},
		{telemetryPath, full(`"maxItems":"many"`), telemetryError, "not a subscription: json: cannot unmarshal string"},
		{logsPath, `{}`, logsError, "types: at least one is required"},
		{logsPath, wanting("2022-07-01", everything, "", tcp("1")), logsError, `schemaVersion: \"2022-07-01\": not one of 2020-08-15, 2021-03-18`},
		{logsPath, wanting("2021-03-18", everything, "", to(host)+`,"method":"GET"`), logsError, `destination.method: \"GET\": not one of POST, PUT`},
		{logsPath, wanting("2021-03-18", everything, "", to(host)+`,"encoding":"XML"`), logsError, `destination.encoding: \"XML\": not one of JSON`},
	} {
		got, _ := s.send("PUT", test.path, test.body, idIs, id)
		assert.Equal(t, 400, got.Status, test.body)
		assert.Equal(t, "application/json", got.ContentType)
		assert.Regexp(t, `^\{"errorMessage":".+","errorType":"`+test.errorType+`"\}\n$`, got.Body)
		assert.Contains(t, got.Body, test.message)
	}
	for _, test := range []struct {
		method, path, id string
		status           int
		message          string
	}{
		{"PUT", telemetryPath, "", 403, "Extension.MissingExtensionIdentifier"},
		{"PUT", telemetryPath, "x", 403, "Extension.InvalidExtensionIdentifier"},
		{"PUT", telemetryPath, nobodys, 403, `{"errorMessage":"Unknown extension <uuid>","errorType":"Extension.UnknownExtensionIdentifier"}`},
		{"PUT", logsPath, nobodys, 403, "Extension.UnknownExtensionIdentifier"},
		{"POST", telemetryPath, id, 405, ""},
		{"PUT", telemetryPath + "/", id, 404, ""},
	} {
		got, _ := s.send(test.method, test.path, full(""), idIs, test.id)
		assert.Equal(t, test.status, got.Status, test)
		assert.Contains(t, got.Body, test.message)
	}

	// The limits themselves are allowed, and that an extension asks again.
	for range 2 {
		got, _ := s.send("PUT", telemetryPath, full(`"maxItems":1000,"maxBytes":1048576,"timeoutMs":30000`), idIs, id)
		assert.Equal(t, seen{Status: 200, ContentType: "application/json", Body: `"OK"`}, got)
	}
	got, _ := s.send("PUT", logsPath, wanting("2021-03-18", everything, "", tcp("1")), idIs, id)
	assert.Equal(t, 400, got.Status)
	assert.Contains(t, got.Body, "an extension can use the Telemetry API or the Logs API, not both")
	internal := s.step("", "POST", ext+"/register", `{}`, nameIs, "in").Get(idIs)
	got, _ = s.send("PUT", logsPath, wanting("2020-08-15", `"platform"`, `"maxItems":10000,"maxBytes":262144,"timeoutMs":25`, tcp("1")), idIs, internal)
	assert.Equal(t, 200, got.Status)
	got, _ = s.send("PUT", telemetryPath, full(""), idIs, internal)
	assert.Equal(t, 400, got.Status)

	// When all are ready it is too late.
	s.open("", "GET", ext+"/event/next", idIs, id)
	s.open("", "GET", ext+"/event/next", idIs, internal)
	s.open("", "GET", rt+"/invocation/next")
	s.until("Telemetry.SubscriptionClosed", "PUT", telemetryPath, full(""), idIs, id)
	got, _ = s.send("PUT", telemetryPath, full(""), idIs, id)
	assert.Equal(t, seen{Status: 403, ContentType: "application/json",
		Body: `{"errorMessage":"Telemetry API subscription is closed","errorType":"Telemetry.SubscriptionClosed"}` + "\n"}, got)
}

// The name of the host is not looked up, and the rest of the URI kept.
func TestDeliveryURI(t *testing.T) {
	t.Parallel()
	s, id := registered(t, scripts(t, sleeper, sleeper))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	paths := make(chan string, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case paths <- r.Method + " " + r.Host + " " + r.URL.String() + " " + r.Header.Get("Content-Type"):
		default:
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	port := listener.Addr().(*net.TCPAddr).Port
	uri := fmt.Sprintf("http://sandbox.localdomain:%d/some/path?q=1", port)
	s.step("", "PUT", telemetryPath, wanting("2025-01-29", everything, atOnce, to(uri)), idIs, id)
	select {
	case path := <-paths:
		assert.Equal(t, fmt.Sprintf("POST sandbox.localdomain:%d /some/path?q=1 application/json", port), path)
	case <-s.ctx.Done():
		t.Fatal("no delivery")
	}
}
