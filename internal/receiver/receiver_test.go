package receiver

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func started(t *testing.T) *Server {
	t.Helper()
	s, err := New()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func send(t *testing.T, method, url string, header map[string]string, body []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	require.NoError(t, err)
	for key, value := range header {
		r.Header.Set(key, value)
	}
	reply, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	return reply.StatusCode, string(text)
}

func packed(t *testing.T, coding string, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	default:
		return body
	}
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func otlpBody(t *testing.T) []byte {
	t.Helper()
	text := func(key, value string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
	}
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "shop")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId:      []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
			SpanId:       []byte{1, 2, 3, 4, 5, 6, 7, 0xab},
			ParentSpanId: []byte{8, 7, 6, 5, 4, 3, 2, 1},
			Name:         "buy",
			Kind:         tracepb.Span_SPAN_KIND_SERVER,
			Attributes: []*commonpb.KeyValue{
				text("faas.trigger", "http"),
				{Key: "faas.coldstart", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}},
			},
		}}}},
	}}})
	require.NoError(t, err)
	return body
}

const otlpJSON = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
"scopeSpans":[{"spans":[{"traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"01020304050607ab","parentSpanId":"0807060504030201",
"name":"buy","kind":2,"unknownField":1,"attributes":[{"key":"faas.trigger","value":{"stringValue":"http"}},{"key":"faas.coldstart","value":{"boolValue":true}}]}]}]}]}`

func TestOTLP(t *testing.T) {
	t.Parallel()
	want := []Span{{
		Vendor: "otlp", Service: "shop", Name: "buy", Kind: "server",
		TraceID: "0102030405060708090a0b0c0d0e0f10", ID: "01020304050607ab", ParentID: "0807060504030201",
		Attributes: map[string]string{"service.name": "shop", "faas.trigger": "http", "faas.coldstart": "true"},
	}}
	for _, test := range []struct {
		name, kind, coding string
		body               []byte
	}{
		{"protobuf", "application/x-protobuf", "", otlpBody(t)},
		{"protobuf gzip", "application/x-protobuf", "gzip", otlpBody(t)},
		{"json", "application/json; charset=utf-8", "", []byte(otlpJSON)},
		{"json deflate", "application/json", "deflate", []byte(otlpJSON)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := started(t)
			status, _ := send(t, "POST", s.URL()+"/v1/traces",
				map[string]string{"Content-Type": test.kind, "Content-Encoding": test.coding}, packed(t, test.coding, test.body))
			assert.Equal(t, 200, status)
			assert.NoError(t, s.Err())
			assert.Equal(t, want, s.Spans())
		})
	}
}

const elasticLines = `{"metadata":{"service":{"name":"shop"},"process":{"pid":1}}}
{"transaction":{"id":"AB12","trace_id":"CD","name":"buy","type":"request","outcome":"success","faas":{"coldstart":true,"execution":"e1"}}}
{"metricset":{"samples":{}}}

{"span":{"id":"ef","trace_id":"CD","parent_id":"AB12","name":"GET","type":"external"}}`

func TestElastic(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{"", "gzip", "deflate"} {
		t.Run("coding "+coding, func(t *testing.T) {
			t.Parallel()
			s := started(t)
			status, _ := send(t, "POST", s.URL()+"/intake/v2/events?flushed=true",
				map[string]string{"Content-Type": "application/x-ndjson", "Content-Encoding": coding}, packed(t, coding, []byte(elasticLines)))
			assert.Equal(t, 202, status)
			assert.NoError(t, s.Err())
			assert.Equal(t, []Span{
				{Vendor: "elastic", Service: "shop", Name: "buy", Kind: "transaction", TraceID: "cd", ID: "ab12",
					Attributes: map[string]string{"type": "request", "outcome": "success", "result": "", "faas.coldstart": "true", "faas.execution": "e1"}},
				{Vendor: "elastic", Service: "shop", Name: "GET", Kind: "span", TraceID: "cd", ID: "ef", ParentID: "ab12",
					Attributes: map[string]string{"type": "external", "outcome": "", "result": ""}},
			}, s.Spans())
		})
	}
}

// The agents keep a request open: what they flushed must be seen before it ends.
func TestElasticSeenWhileTheRequestIsOpen(t *testing.T) {
	t.Parallel()
	s := started(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	require.NoError(t, err)
	defer conn.Close()
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	long := strings.Repeat("x", 10_000)
	_, err = io.WriteString(w, `{"transaction":{"id":"1","name":"`+long+`"}}`+"\n")
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	_, err = io.WriteString(conn, "POST /intake/v2/events HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n"+body.String())
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	spans, err := s.Wait(ctx, 1, nil)
	require.NoError(t, err)
	assert.Equal(t, long, spans[0].Name)
}

func datadogBodyV04() []byte {
	b := msgp.AppendArrayHeader(nil, 1)
	b = msgp.AppendArrayHeader(b, 1)
	b, _ = msgp.AppendMapStrIntf(b, map[string]any{
		"service": "shop", "name": "aws.lambda", "resource": "buy", "type": "serverless", "error": 0,
		"trace_id": uint64(0xfedcba9876543210), "span_id": 7, "parent_id": int64(0), "start": int64(1), "duration": int64(2),
		"meta": map[string]any{"span.kind": "server", "_dd.p.tid": "6900000000000000"}, "metrics": map[string]any{"_top_level": 1.0},
		"meta_struct": nil,
	})
	return b
}

func datadogBodyV05(strings ...string) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendArrayHeader(b, uint32(len(strings)))
	for _, s := range strings {
		b = msgp.AppendString(b, s)
	}
	b = msgp.AppendArrayHeader(b, 1)
	b = msgp.AppendArrayHeader(b, 1)
	b = msgp.AppendArrayHeader(b, 12)
	for _, place := range []uint64{1, 2, 3} {
		b = msgp.AppendUint64(b, place)
	}
	b = msgp.AppendUint64(b, 0xfedcba9876543210)
	b = msgp.AppendUint64(b, 7)
	for _, n := range []int64{0, 1, 2, 0} {
		b = msgp.AppendInt64(b, n)
	}
	b = msgp.AppendMapHeader(b, 2)
	for _, place := range []uint64{5, 6, 7, 8} {
		b = msgp.AppendUint64(b, place)
	}
	b = msgp.AppendMapHeader(b, 1)
	b = msgp.AppendUint64(b, 9)
	b = msgp.AppendFloat64(b, 1)
	return msgp.AppendUint64(b, 4)
}

var datadogTable = []string{"", "shop", "aws.lambda", "buy", "serverless", "span.kind", "server", "_dd.p.tid", "6900000000000000", "_top_level"}

func TestDatadog(t *testing.T) {
	t.Parallel()
	want := []Span{{
		Vendor: "datadog", Service: "shop", Name: "aws.lambda", Kind: "server",
		TraceID: "6900000000000000fedcba9876543210", ID: "0000000000000007",
		Attributes: map[string]string{"resource": "buy", "type": "serverless", "span.kind": "server", "_dd.p.tid": "6900000000000000", "_top_level": "1"},
	}}
	for _, test := range []struct {
		method, path string
		body         []byte
	}{
		{"PUT", "/v0.4/traces", datadogBodyV04()},
		{"POST", "/v0.5/traces", datadogBodyV05(datadogTable...)},
	} {
		t.Run(test.path[1:], func(t *testing.T) {
			t.Parallel()
			s := started(t)
			status, reply := send(t, test.method, s.URL()+test.path, map[string]string{"Content-Type": "application/msgpack"}, test.body)
			assert.Equal(t, 200, status)
			assert.JSONEq(t, `{"rate_by_service":{}}`, reply)
			assert.NoError(t, s.Err())
			assert.Equal(t, want, s.Spans())
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := started(t)
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"GET", "/config/v1/agents", 200}, {"POST", "/config/v1/agents", 200}, {"POST", "/register/transaction", 200},
		{"GET", "/info", 200}, {"POST", "/telemetry/proxy/api/v2/apmtelemetry", 200}, {"PUT", "/v0.6/stats", 200}, {"POST", "/v0.7/config", 200},
		{"POST", "/v1/metrics", 200}, {"POST", "/v1/logs", 200}, {"POST", "/v1/trace", 404}, {"GET", "/v1/traces", 405},
	} {
		status, _ := send(t, test.method, s.URL()+test.path, nil, nil)
		assert.Equal(t, test.status, status, "%s %s", test.method, test.path)
	}
	assert.NoError(t, s.Err())
	assert.Empty(t, s.Spans())
}

func TestRefused(t *testing.T) {
	t.Parallel()
	v05 := datadogBodyV05(datadogTable...)
	huge := msgp.AppendArrayHeader(nil, 1<<32-1)
	for _, test := range []struct {
		name, path   string
		kind, coding string
		body         []byte
		status       int
	}{
		{"garbled protobuf", "/v1/traces", "application/x-protobuf", "", []byte("no protobuf"), 400},
		{"garbled json", "/v1/traces", "application/json", "", []byte("{"), 400},
		{"unknown kind", "/v1/traces", "text/plain", "", otlpBody(t), 400},
		{"unknown coding", "/v1/traces", "application/x-protobuf", "br", otlpBody(t), 400},
		{"no gzip", "/v1/traces", "application/x-protobuf", "gzip", otlpBody(t), 400},
		{"cut gzip", "/v1/traces", "application/x-protobuf", "gzip", packed(t, "gzip", otlpBody(t))[:40], 400},
		{"wire limit", "/v1/traces", "application/x-protobuf", "", make([]byte, maxBody+1), 413},
		{"plain limit", "/v1/traces", "application/x-protobuf", "gzip", packed(t, "gzip", make([]byte, maxPlain+1)), 413},
		{"elastic line", "/intake/v2/events", "", "", []byte("{\"transaction\":\n"), 400},
		{"elastic limit", "/intake/v2/events", "", "gzip", packed(t, "gzip", bytes.Repeat([]byte(" "), maxPlain+1)), 413},
		{"v0.4 cut", "/v0.4/traces", "", "", datadogBodyV04()[:30], 400},
		{"v0.4 more", "/v0.4/traces", "", "", append(datadogBodyV04(), 0), 400},
		{"v0.4 no array", "/v0.4/traces", "", "", msgp.AppendString(nil, "x"), 400},
		{"v0.4 huge", "/v0.4/traces", "", "", huge, 400},
		{"v0.5 cut", "/v0.5/traces", "", "", v05[:len(v05)-1], 400},
		{"v0.5 more", "/v0.5/traces", "", "", append(v05[:len(v05):len(v05)], 0), 400},
		{"v0.5 short table", "/v0.5/traces", "", "", datadogBodyV05("only one"), 400},
		{"v0.5 huge table", "/v0.5/traces", "", "", append(msgp.AppendArrayHeader(nil, 2), huge...), 400},
		{"v0.5 huge traces", "/v0.5/traces", "", "", append(append(msgp.AppendArrayHeader(nil, 2), msgp.AppendArrayHeader(nil, 0)...), huge...), 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := started(t)
			status, _ := send(t, "POST", s.URL()+test.path,
				map[string]string{"Content-Type": test.kind, "Content-Encoding": test.coding}, test.body)
			assert.Equal(t, test.status, status)
			assert.ErrorContains(t, s.Err(), test.path)
			assert.Empty(t, s.Spans())
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	s := started(t)
	got := make(chan []Span)
	go func() {
		spans, err := s.Wait(t.Context(), 2, func(span Span) bool { return span.Kind == "server" })
		assert.NoError(t, err)
		got <- spans
	}()
	for range 2 {
		send(t, "POST", s.URL()+"/v1/traces", map[string]string{"Content-Type": "application/x-protobuf"}, otlpBody(t))
	}
	assert.Len(t, <-got, 2)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	spans, err := s.Wait(ended, 3, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Len(t, spans, 2)

	send(t, "POST", s.URL()+"/v1/traces", map[string]string{"Content-Type": "application/json"}, []byte("{"))
	_, err = s.Wait(t.Context(), 3, nil)
	assert.ErrorContains(t, err, "/v1/traces")
	assert.Error(t, s.Err())
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s, err := New()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = http.Get(s.URL())
	assert.Error(t, err)
	assert.NoError(t, s.Err())
}

// TestErrorsAreBounded has an agent that never learns.
func TestErrorsAreBounded(t *testing.T) {
	s := started(t)
	for range maxErrs + 20 {
		status, _ := send(t, "POST", s.URL()+"/v1/traces", map[string]string{"Content-Type": "application/json"}, []byte("{"))
		require.Equal(t, http.StatusBadRequest, status)
	}
	joined, ok := s.Err().(interface{ Unwrap() []error })
	require.True(t, ok)
	assert.Len(t, joined.Unwrap(), maxErrs)
}

// TestServerLimits: what a real agent cannot be made to do in a test's time.
func TestServerLimits(t *testing.T) {
	s := started(t)
	assert.Equal(t, io.Discard, s.http.ErrorLog.Writer())
	assert.Positive(t, s.http.ReadHeaderTimeout)
	assert.Positive(t, s.http.IdleTimeout)
}

func TestDatadogExtension(t *testing.T) {
	t.Parallel()
	s := started(t)
	status, _ := send(t, "POST", s.URL()+"/lambda/start-invocation", nil, []byte(`{}`))
	assert.Equal(t, 200, status)
	status, _ = send(t, "POST", s.URL()+"/lambda/end-invocation",
		map[string]string{"X-Datadog-Trace-Id": "255", "X-Datadog-Span-Id": "16"}, []byte(`{}`))
	assert.Equal(t, 200, status)
	assert.Equal(t, []Span{{
		Vendor: "datadog", Name: "aws.lambda", Kind: "server", TraceID: "00000000000000ff", ID: "0000000000000010",
		Attributes: map[string]string{"resource": "", "type": "", "span.kind": "server"},
	}}, s.Spans())
	assert.NoError(t, s.Err())

	status, _ = send(t, "POST", s.URL()+"/lambda/end-invocation", map[string]string{"X-Datadog-Trace-Id": "255"}, nil)
	assert.Equal(t, 400, status)
	assert.ErrorContains(t, s.Err(), "X-Datadog-Span-Id: ")
}

func TestSentry(t *testing.T) {
	t.Parallel()
	const transaction = `{"transaction":"buy","server_name":"shop","contexts":{"trace":{"trace_id":"CD","span_id":"AB12","op":"function","status":"ok"}},` +
		`"spans":[{"trace_id":"CD","span_id":"EF","parent_span_id":"AB12","op":"http","description":"GET"}]}`
	want := []Span{
		{Vendor: "sentry", Service: "shop", Name: "buy", Kind: "transaction", TraceID: "cd", ID: "ab12",
			Attributes: map[string]string{"op": "function", "status": "ok"}},
		{Vendor: "sentry", Service: "shop", Name: "GET", Kind: "span", TraceID: "cd", ID: "ef", ParentID: "ab12",
			Attributes: map[string]string{"op": "http", "status": ""}},
	}
	for _, test := range []struct {
		name, body string
		want       []Span
		err        string
	}{
		{"a line", "{}\n{\"type\":\"transaction\"}\n" + transaction + "\n", want, ""},
		{"a length", "{}\n{\"type\":\"event\",\"length\":5}\n{\n\n\n}\n{\"type\":\"transaction\",\"length\":" + strconv.Itoa(len(transaction)) + "}\n" + transaction, want, ""},
		{"no item", "{}\n", nil, ""},
		{"no header", "x\n", nil, "without a header"},
		{"no item's header", "{}\nx\n", nil, "item's header"},
		{"short", "{}\n{\"type\":\"transaction\",\"length\":9}\n{}", nil, "item of 9 bytes, 2 are there"},
		{"negative", "{}\n{\"type\":\"event\",\"length\":-1}\n{}", nil, "item of -1 bytes"},
		{"no transaction", "{}\n{\"type\":\"transaction\"}\nx", nil, "transaction: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := started(t)
			status, _ := send(t, "POST", s.URL()+"/api/1/envelope/", map[string]string{"Content-Encoding": "gzip"}, packed(t, "gzip", []byte(test.body)))
			assert.Equal(t, test.want, s.Spans())
			if test.err == "" {
				assert.Equal(t, 200, status)
				assert.NoError(t, s.Err())
			} else {
				assert.Equal(t, 400, status)
				assert.ErrorContains(t, s.Err(), test.err)
			}
		})
	}
}

func TestFromLog(t *testing.T) {
	t.Parallel()
	newRelic := func(data string) string {
		return `[1,"NR_LAMBDA_MONITORING","` + base64.StdEncoding.EncodeToString(packed(t, "gzip", []byte(data))) + `"]`
	}
	const events = `{"data":{"span_event_data":[null,{"events_seen":2},[` +
		`[{"traceId":"CD","guid":"AB12","name":"buy","nr.entryPoint":true},{},{"aws.requestId":"r1"}],` +
		`[{"traceId":"CD","guid":"EF","parentId":"AB12","name":"GET"},{}]]]}}`
	const trace = `{"traces": [[{"trace_id":"FF","span_id":"10","parent_id":"0","name":"aws.lambda","service":"shop","meta":{"span.kind":"server"}}]]}`
	for _, test := range []struct {
		name, log string
		want      []Span
		err       string
	}{
		{"nothing", "START\n[1, 2]\n{\"traces\n", nil, ""},
		{"New Relic", "START\n" + newRelic(events) + "\nEND", []Span{
			{Vendor: "newrelic", Name: "buy", Kind: "transaction", TraceID: "cd", ID: "ab12", Attributes: map[string]string{"aws.requestId": "r1"}},
			{Vendor: "newrelic", Name: "GET", Kind: "span", TraceID: "cd", ID: "ef", ParentID: "ab12", Attributes: map[string]string{}},
		}, ""},
		{"New Relic without spans", newRelic(`{"data":{"metric_data":[]}}`), nil, ""},
		{"New Relic cut short", `[1,"NR_LAMBDA_MONITORING","H4sI`, nil, "newrelic: "},
		{"New Relic not compressed", `[1,"NR_LAMBDA_MONITORING","e30="]`, nil, "newrelic: "},
		{"New Relic not JSON", newRelic("x"), nil, "newrelic: "},
		{"New Relic's spans no list", newRelic(`{"data":{"span_event_data":[1]}}`), nil, "newrelic: spans: "},
		{"Datadog", trace, []Span{{
			Vendor: "datadog", Service: "shop", Name: "aws.lambda", Kind: "server", TraceID: "00000000000000ff", ID: "0000000000000010",
			Attributes: map[string]string{"resource": "", "type": "", "span.kind": "server"},
		}}, ""},
		{"Datadog cut short", trace[:40], nil, "datadog: "},
		{"Datadog without ids", `{"traces":[[{"name":"x"}]]}`, nil, "datadog: trace_id: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			spans, err := FromLog(test.log)
			assert.Equal(t, test.want, spans)
			if test.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.err)
			}
		})
	}
}
