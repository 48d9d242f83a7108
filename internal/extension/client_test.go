package extension_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/extension"
)

// serve answers every request with handler, on the loopback.
func serve(t *testing.T, handler http.HandlerFunc) *extension.Client {
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	return extension.New(strings.TrimPrefix(srv.URL, "http://"))
}

// always answers with a status and a body.
func always(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// hangUp closes the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// cutShort promises more than it sends.
func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Lambda-Extension-Identifier", "id")
	w.Header().Set("Content-Length", "100")
	io.WriteString(w, `{"eventType":"INVOKE"`)
}

func TestRegister(t *testing.T) {
	var method, path, name, contentType string
	var body struct{ Events []string }
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		method, path, name, contentType = r.Method, r.URL.Path, r.Header.Get("Lambda-Extension-Name"), r.Header.Get("Content-Type")
		body.Events = nil
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		w.Header().Set("Lambda-Extension-Identifier", "some-id")
		io.WriteString(w, `{"accountId":"1","functionName":"f","functionVersion":"$LATEST","handler":"a.b","new":[1]}`)
	})
	r, err := c.Register(t.Context(), "x.sh", extension.Invoke, extension.Shutdown)
	require.NoError(t, err)
	assert.Equal(t, extension.Registration{ID: "some-id", FunctionName: "f", FunctionVersion: "$LATEST", Handler: "a.b", AccountID: "1"}, r)
	assert.Equal(t, []string{"POST", "/2020-01-01/extension/register", "x.sh", "application/json"}, []string{method, path, name, contentType})
	assert.Equal(t, []string{"INVOKE", "SHUTDOWN"}, body.Events)

	_, err = c.Register(t.Context(), "x.sh")
	require.NoError(t, err)
	assert.Equal(t, []string{}, body.Events, "an empty list, not null")
}

// TestRegisterKeepsTheIdentifier: Lambda would refuse to register again.
func TestRegisterKeepsTheIdentifier(t *testing.T) {
	for _, body := range []string{"", "garbage", `{"functionName":7}`, `[]`} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Lambda-Extension-Identifier", "some-id")
			io.WriteString(w, body)
		})
		r, err := c.Register(t.Context(), "x")
		require.NoError(t, err, body)
		assert.Equal(t, extension.Registration{ID: "some-id"}, r, body)
	}
}

func TestErrors(t *testing.T) {
	refused := `{"errorMessage":"INVOKE: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}` + "\n"
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"403", always(403, refused), "status 403: Extension.InvalidEventType: INVOKE: ErrorInvalidEventType"},
		{"500 with garbage", always(500, "<html>\n"), "status 500"},
		{"500 with lines", always(500, `{"errorType":"a\nb","errorMessage":"`+strings.Repeat("x", 300)+`"}`), "status 500: a b: " + strings.Repeat("x", 200) + "…"},
		{"404", always(404, ""), "status 404"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "status 307"},
		{"hangs up", hangUp, "EOF"},
		{"cut short", cutShort, "answer cut short: unexpected EOF"},
		{"giant", always(200, strings.Repeat(" ", 2<<20)), "answer too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := serve(t, c.handler)
			_, err := api.Register(t.Context(), "x", extension.Invoke)
			assert.EqualError(t, err, "register: "+c.want)
			_, err = api.Next(t.Context(), "id")
			assert.EqualError(t, err, "next: "+c.want)
			err = api.Subscribe(t.Context(), "id", extension.Subscription{})
			assert.EqualError(t, err, "subscribe: "+c.want)
			assert.Equal(t, c.name == "403", extension.Refused(err, extension.InvalidEventType))
		})
	}
	_, err := serve(t, always(200, "{}")).Register(t.Context(), "x")
	assert.EqualError(t, err, "register: answer without an identifier")
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	_, err := extension.New(strings.TrimPrefix(srv.URL, "http://")).Next(t.Context(), "id")
	assert.ErrorContains(t, err, "connection refused")
	_, err = extension.New("").Next(t.Context(), "id")
	assert.EqualError(t, err, "next: no address: AWS_LAMBDA_RUNTIME_API is not set")
	_, err = extension.New("s3cret with blank").Next(t.Context(), "id")
	assert.EqualError(t, err, "next: AWS_LAMBDA_RUNTIME_API is no address")
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       extension.Event
		err        string
	}{
		{"invoke", `{"eventType":"INVOKE","deadlineMs":1795314789525,"requestId":"r","invokedFunctionArn":"arn","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}`,
			extension.Event{Type: extension.Invoke, Deadline: time.UnixMilli(1795314789525), RequestID: "r", FunctionARN: "arn", Trace: "Root=1"}, ""},
		{"shutdown", `{"eventType":"SHUTDOWN","deadlineMs":1795314787118,"shutdownReason":"SandboxTerminated"}`,
			extension.Event{Type: extension.Shutdown, Deadline: time.UnixMilli(1795314787118), Reason: "SandboxTerminated"}, ""},
		{"unknown type", `{"eventType":"RESTORE","x":[]}`, extension.Event{Type: "RESTORE"}, ""},
		{"fields of another kind", `{"eventType":"INVOKE","deadlineMs":"soon","requestId":7,"tracing":null,"shutdownReason":{}}`, extension.Event{Type: extension.Invoke}, ""},
		{"deadline out of bounds", `{"eventType":"SHUTDOWN","deadlineMs":1e300}`, extension.Event{Type: extension.Shutdown}, ""},
		{"no type", `{"deadlineMs":1}`, extension.Event{}, "next: answer is no event"},
		{"empty", ``, extension.Event{}, "next: answer is no JSON object"},
		{"garbage", `INVOKE`, extension.Event{}, "next: answer is no JSON object"},
		{"array", `[]`, extension.Event{}, "next: answer is no JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := serve(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "GET /2020-01-01/extension/event/next the-id", r.Method+" "+r.URL.Path+" "+r.Header.Get("Lambda-Extension-Identifier"))
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				io.WriteString(w, c.body)
			})
			e, err := api.Next(t.Context(), "the-id")
			if c.err != "" {
				assert.EqualError(t, err, c.err)
			} else {
				assert.NoError(t, err)
			}
			assert.Equal(t, c.want, e)
		})
	}
}

// TestNextEndsWithItsContext: and with nothing else.
func TestNextEndsWithItsContext(t *testing.T) {
	asked := make(chan struct{})
	api := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := api.Next(ctx, "id")
	assert.ErrorIs(t, err, context.Canceled)
}

func TestSubscribe(t *testing.T) {
	var got string
	status := 200
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.Path + " " + r.Header.Get("Lambda-Extension-Identifier") + " " + string(body)
		w.WriteHeader(status)
		io.WriteString(w, `"OK"`)
	})
	s := extension.Subscription{Types: []string{"platform", "function"}, URI: "http://sandbox.localdomain:8080", MaxItems: 1000, MaxBytes: 262144, Timeout: 25 * time.Millisecond}
	require.NoError(t, api.Subscribe(t.Context(), "id", s))
	head, body, _ := strings.Cut(got, "{")
	assert.Equal(t, "PUT /2022-07-01/telemetry id ", head)
	assert.JSONEq(t, `{"schemaVersion":"2025-01-29","types":["platform","function"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},
		"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080"}}`, "{"+body)
	status = http.StatusAccepted
	assert.ErrorIs(t, api.Subscribe(t.Context(), "id", s), extension.ErrNoTelemetry)
}
