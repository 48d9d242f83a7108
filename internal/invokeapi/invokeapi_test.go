package invokeapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/invokeapi"
)

const (
	arn     = "arn:aws:lambda:us-east-1:012345678912:function:greet"
	invoke  = "/2015-03-31/functions/greet/invocations"
	streams = "/2021-11-15/functions/greet/response-streaming-invocations"
)

// echo answers with what it gets; "fail", "broken" and "context" are special.
func echo(_ context.Context, r invokeapi.Request) (invokeapi.Answer, error) {
	answer := invokeapi.Answer{Body: r.Payload, RequestID: "id", Trace: r.Trace}
	switch string(r.Payload) {
	case `"fail"`:
		answer.Body, answer.FunctionError = []byte(`{"errorType":"T"}`), "Unhandled"
	case `"broken"`:
		return answer, errors.New("out of order")
	case `"context"`:
		answer.Body = r.ClientContext
	}
	if r.Tail {
		answer.Log = []byte(strings.Repeat("x", 5000) + "END")
	}
	return answer, nil
}

func serve(t *testing.T, invoke func(context.Context, invokeapi.Request) (invokeapi.Answer, error)) *httptest.Server {
	server := httptest.NewServer(invokeapi.Handler(invokeapi.Function{Name: "greet", ARN: arn, Invoke: invoke}))
	t.Cleanup(server.Close)
	return server
}

type reply struct {
	status int
	header http.Header
	body   string
}

func post(t *testing.T, server *httptest.Server, path, body string, header ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return reply{response.StatusCode, response.Header, string(text)}
}

// TestRequests holds what is asked and what is answered.
func TestRequests(t *testing.T) {
	server := serve(t, echo)
	context := base64.StdEncoding.EncodeToString([]byte(`{"custom":1}`))
	for _, test := range []struct {
		name, path, body string
		header           []string
		status           int
		kind             string // of the error
		want             string // of the body
	}{
		{name: "name", body: `{"a":1}`, status: 200, want: `{"a":1}`},
		{name: "no body", status: 200, want: `{}`},
		{name: "ARN", path: "/2015-03-31/functions/" + arn + "/invocations", body: `1`, status: 200, want: `1`},
		{name: "escaped ARN", path: "/2015-03-31/functions/" + strings.ReplaceAll(arn, ":", "%3A") + "/invocations", body: `1`, status: 200, want: `1`},
		{name: "ARN with a version", path: "/2015-03-31/functions/" + arn + ":7/invocations", body: `1`, status: 200, want: `1`},
		{name: "partial ARN", path: "/2015-03-31/functions/012345678912:function:greet/invocations", body: `1`, status: 200, want: `1`},
		{name: "qualifier", path: invoke + "?Qualifier=prod", body: `1`, status: 200, want: `1`},
		{name: "function error", body: `"fail"`, status: 200, want: `{"errorType":"T"}`},
		{name: "client context", body: `"context"`, header: []string{"X-Amz-Client-Context", context}, status: 200, want: `{"custom":1}`},
		{name: "dry run", header: []string{"X-Amz-Invocation-Type", "DryRun"}, status: 204},
		{name: "as large as may be", body: `"` + strings.Repeat("x", invokeapi.MaxPayload-2) + `"`, status: 200, want: `"` + strings.Repeat("x", invokeapi.MaxPayload-2) + `"`},

		{name: "too large", body: strings.Repeat(" ", invokeapi.MaxPayload) + `1`, status: 413, kind: "RequestTooLargeException"},
		{name: "not JSON", body: `{"a"`, status: 400, kind: "InvalidRequestContentException"},
		{name: "other function", path: "/2015-03-31/functions/meet/invocations", body: `1`, status: 404, kind: "ResourceNotFoundException"},
		{name: "other ARN", path: "/2015-03-31/functions/" + arn + "x/invocations", body: `1`, status: 404, kind: "ResourceNotFoundException"},
		{name: "bad client context", header: []string{"X-Amz-Client-Context", "{}"}, status: 400, kind: "InvalidRequestContentException"},
		{name: "bad type", header: []string{"X-Amz-Invocation-Type", "Later"}, status: 400, kind: "InvalidParameterValueException"},
		{name: "bad log type", header: []string{"X-Amz-Log-Type", "Head"}, status: 400, kind: "InvalidParameterValueException"},
		{name: "environment out of order", body: `"broken"`, status: 500, kind: "ServiceException"},
		{name: "other call", path: "/2015-03-31/functions/greet/policy", status: 404, kind: "UnknownOperationException"},
		{name: "another host's page", header: []string{"Host", "example.com"}, status: 403, kind: "AccessDeniedException"},
		{name: "stream of an unknown type", path: streams, header: []string{"X-Amz-Invocation-Type", "Event"}, status: 400, kind: "InvalidParameterValueException"},
		{name: "stream of an unknown function", path: "/2021-11-15/functions/x/response-streaming-invocations", status: 404, kind: "ResourceNotFoundException"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := invoke
			if test.path != "" {
				path = test.path
			}
			r := post(t, server, path, test.body, test.header...)
			assert.Equal(t, test.status, r.status, r.body)
			assert.Equal(t, test.kind, r.header.Get("X-Amzn-Errortype"))
			if test.kind == "" {
				assert.True(t, test.want == r.body, "%.100s", r.body)
			} else {
				assert.Contains(t, r.body, `"message":"`)
			}
		})
	}
	assert.Equal(t, 403, post(t, server, invoke, `1`, "Origin", "https://example.com", "Sec-Fetch-Site", "cross-site").status)
}

func TestHeaders(t *testing.T) {
	server := serve(t, echo)
	r := post(t, server, invoke, `1`, "X-Amzn-Trace-Id", "Root=1-2-3", "X-Amz-Log-Type", "Tail")
	assert.Equal(t, "application/json", r.header.Get("Content-Type"))
	assert.Equal(t, "id", r.header.Get("X-Amzn-RequestId"))
	assert.Equal(t, "$LATEST", r.header.Get("X-Amz-Executed-Version"))
	assert.Equal(t, "Root=1-2-3", r.header.Get("X-Amzn-Trace-Id"))
	assert.NotContains(t, r.header, "X-Amz-Function-Error")
	log, err := base64.StdEncoding.DecodeString(r.header.Get("X-Amz-Log-Result"))
	require.NoError(t, err)
	assert.Len(t, log, 4096)
	assert.True(t, bytes.HasSuffix(log, []byte("xEND")))

	r = post(t, server, invoke, `"fail"`)
	assert.Equal(t, "Unhandled", r.header.Get("X-Amz-Function-Error"))
	assert.NotContains(t, r.header, "X-Amz-Log-Result")
}

// TestEvent answers before the function has, and goes on without a caller.
func TestEvent(t *testing.T) {
	begun, end, done := make(chan string), make(chan struct{}), make(chan error)
	server := serve(t, func(ctx context.Context, r invokeapi.Request) (invokeapi.Answer, error) {
		begun <- string(r.Payload)
		<-end
		done <- ctx.Err()
		return invokeapi.Answer{}, nil
	})
	r := post(t, server, invoke, `"later"`, "X-Amz-Invocation-Type", "Event")
	assert.Equal(t, 202, r.status)
	assert.Empty(t, r.body)
	assert.Equal(t, `"later"`, <-begun)
	close(end)
	assert.NoError(t, <-done)
}

// TestThrottle has as many wait as may, and one more.
func TestThrottle(t *testing.T) {
	end := make(chan struct{})
	server := serve(t, func(context.Context, invokeapi.Request) (invokeapi.Answer, error) {
		<-end
		return invokeapi.Answer{}, nil
	})
	for range 100 {
		require.Equal(t, 202, post(t, server, invoke, `1`, "X-Amz-Invocation-Type", "Event").status)
	}
	r := post(t, server, invoke, `1`)
	assert.Equal(t, 429, r.status)
	assert.Equal(t, "TooManyRequestsException", r.header.Get("X-Amzn-Errortype"))
	assert.Contains(t, r.body, `"Reason":"ConcurrentInvocationLimitExceeded"`)
	r = post(t, server, streams, `1`)
	assert.Equal(t, 429, r.status)

	close(end)
}

// TestPlacesComeBack asks more often than there are places, in every way that a
// request can end.
func TestPlacesComeBack(t *testing.T) {
	server := serve(t, echo)
	for range 101 {
		require.Equal(t, 200, post(t, server, invoke, `1`).status)
		require.Equal(t, 400, post(t, server, invoke, `{`).status)
		require.Equal(t, 500, post(t, server, invoke, `"broken"`).status)
		require.Equal(t, 204, post(t, server, invoke, `1`, "X-Amz-Invocation-Type", "DryRun").status)
		require.Equal(t, 400, post(t, server, invoke, `1`, "X-Amz-Invocation-Type", "Later").status)
		require.Equal(t, 200, post(t, server, streams, `1`).status)
		require.Equal(t, 204, post(t, server, streams, `1`, "X-Amz-Invocation-Type", "DryRun").status)
	}
}
