package otlp

import (
	"strings"
	"testing"
	"time"

	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

const (
	traceID  = "62e900b2710d76f009d6e7785905449a"
	parentID = "0efbd19962d95b05"
	spanID   = "54565fb41ac79632"
	tracing  = `"tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"}`
	life     = `[
{"time":"2026-01-01T00:00:00Z","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","functionName":"f","instanceId":"inst-1"}},
{"time":"2026-01-01T00:00:00.5Z","type":"extension","record":"an extension starts\n"},
{"time":"2026-01-01T00:00:01Z","type":"platform.start","record":{"requestId":"req-1","version":"7",` + tracing + `}},
{"time":"2026-01-01T00:00:01Z","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":900}}},
{"time":"2026-01-01T00:00:01.1Z","type":"function","record":"hello\n"},
{"time":"2026-01-01T00:00:01.2Z","type":"function","record":{"timestamp":"2026-01-01T00:00:01.15Z","level":"ERROR","requestId":"req-1","message":"broken","size":7,"deep":{"a":[true,null,1.5]}}},
{"time":"2026-01-01T00:00:01.3Z","type":"function","record":{"level":"odd","code":7}},
{"time":"2026-01-01T00:00:02Z","type":"platform.runtimeDone","record":{"requestId":"req-1","status":"error","errorType":"Function.Bad",` + tracing + `,"metrics":{"durationMs":1000},"spans":[{"name":"responseLatency","start":"2026-01-01T00:00:01Z","durationMs":900},{"name":"runtimeOverhead","start":"2026-01-01T00:00:01.9Z","durationMs":100}]}},
{"time":"2026-01-01T00:00:02.1Z","type":"platform.report","record":{"requestId":"req-1","status":"error","errorType":"Function.Bad","metrics":{"durationMs":1100},"spans":[{"name":"extensionOverhead","start":"2026-01-01T00:00:02Z","durationMs":100}]}},
{"time":"2026-01-01T00:00:03Z","type":"extension","record":"between invocations"},
{"time":"2026-01-01T00:00:03Z","type":"platform.logsDropped","record":{"droppedBytes":10,"droppedRecords":2,"reason":"too slow"}}
]`
)

func TestSpansAndLogs(t *testing.T) {
	t.Parallel()
	for _, compression := range []string{"gzip", "none"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			traces, logs := exporters(t, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT":    c.URL,
				"OTEL_EXPORTER_OTLP_HEADERS":     "api-key=s3cret%20key",
				"OTEL_EXPORTER_OTLP_COMPRESSION": compression,
				"AWS_REGION":                     "eu-central-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
			}, Options{Version: "1.2.3", Seed: "x"})
			p := export.New(export.Config{Mode: export.End}, traces, logs)
			p.Add(batch(t, life))
			require.NoError(t, p.Ended(within(t), "req-1"))
			assert.Len(t, c.spans(), 5, "all is there when Ended returns")
			assert.Len(t, c.records(), 6)
			stats := p.Close(within(t))
			assert.Empty(t, stats.Line())
			noFaults(t, c)

			for _, header := range c.headers {
				assert.Equal(t, "s3cret key", header.Get("Api-Key"))
				assert.Equal(t, map[string]string{"gzip": "gzip", "none": ""}[compression], header.Get("Content-Encoding"))
				assert.Equal(t, "graft/1.2.3", header.Get("User-Agent"))
			}
			want := map[string]any{
				"service.name": "f", "cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": "eu-central-1",
				"cloud.account.id": "012345678912", "faas.name": "f", "faas.version": "7", "faas.instance": "inst-1", "faas.max_memory": int64(128 << 20),
			}
			assert.Equal(t, want, flat(c.traces[0].ResourceSpans[0].Resource.Attributes))
			assert.Equal(t, want, flat(c.logs[0].ResourceLogs[0].Resource.Attributes))
			checkSpans(t, c.spans())
			checkRecords(t, c.records())
		})
	}
}

func checkSpans(t *testing.T, spans []*tracepb.Span) {
	byName := map[string]*tracepb.Span{}
	for _, span := range spans {
		byName[span.Name] = span
		assert.Len(t, span.TraceId, 16)
		assert.Len(t, span.SpanId, 8)
		assert.Equal(t, tracepb.Span_SPAN_KIND_INTERNAL, span.Kind)
		assert.GreaterOrEqual(t, span.EndTimeUnixNano, span.StartTimeUnixNano)
	}
	zero := uint64(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	ms := func(n uint64) uint64 { return zero + n*1e6 }

	initial := byName["init"]
	require.NotNil(t, initial)
	assert.Empty(t, initial.ParentSpanId)
	assert.Equal(t, []uint64{ms(0), ms(900)}, []uint64{initial.StartTimeUnixNano, initial.EndTimeUnixNano})
	assert.Nil(t, initial.Status)

	invoke := byName["invoke"]
	require.NotNil(t, invoke)
	assert.Equal(t, unhex(t, traceID), invoke.TraceId)
	assert.Equal(t, unhex(t, parentID), invoke.ParentSpanId)
	assert.Equal(t, unhex(t, spanID), invoke.SpanId)
	assert.EqualValues(t, 0x301, invoke.Flags, "sampled, parent is remote")
	assert.Equal(t, []uint64{ms(1000), ms(2000)}, []uint64{invoke.StartTimeUnixNano, invoke.EndTimeUnixNano})
	assert.Equal(t, tracepb.Status_STATUS_CODE_ERROR, invoke.Status.Code)
	assert.Equal(t, map[string]any{"faas.invocation_id": "req-1", "faas.coldstart": true, "error.type": "Function.Bad"}, flat(invoke.Attributes))
	require.Len(t, invoke.Links, 1, "to the init that it waited for")
	assert.Equal(t, initial.SpanId, invoke.Links[0].SpanId)
	assert.Equal(t, initial.TraceId, invoke.Links[0].TraceId)

	for name, at := range map[string][]uint64{"responseLatency": {1000, 1900}, "runtimeOverhead": {1900, 2000}, "extensionOverhead": {2000, 2100}} {
		span := byName[name]
		require.NotNil(t, span, name)
		assert.Equal(t, invoke.TraceId, span.TraceId)
		assert.Equal(t, invoke.SpanId, span.ParentSpanId)
		assert.Equal(t, []uint64{ms(at[0]), ms(at[1])}, []uint64{span.StartTimeUnixNano, span.EndTimeUnixNano}, name)
	}
}

func checkRecords(t *testing.T, records []*logspb.LogRecord) {
	require.Len(t, records, 6)
	at := func(r *logspb.LogRecord) string {
		return time.Unix(0, int64(r.TimeUnixNano)).UTC().Format("05.000")
	}
	early, hello, object, odd, late, lost := records[0], records[1], records[2], records[3], records[4], records[5]
	assert.Equal(t, "an extension starts\n", early.Body.GetStringValue())
	assert.Equal(t, map[string]any{"type": "extension"}, flat(early.Attributes))
	assert.Empty(t, early.TraceId)

	assert.Equal(t, "hello\n", hello.Body.GetStringValue())
	assert.Equal(t, "01.100", at(hello))
	assert.Equal(t, unhex(t, traceID), hello.TraceId)
	assert.Equal(t, unhex(t, spanID), hello.SpanId)
	assert.NotZero(t, hello.ObservedTimeUnixNano)
	assert.Equal(t, map[string]any{"type": "function", "faas.invocation_id": "req-1"}, flat(hello.Attributes))

	assert.Equal(t, "broken", object.Body.GetStringValue())
	assert.Equal(t, "01.150", at(object))
	assert.Equal(t, "ERROR", object.SeverityText)
	assert.Equal(t, logspb.SeverityNumber_SEVERITY_NUMBER_ERROR, object.SeverityNumber)
	attributes := flat(object.Attributes)
	assert.Equal(t, int64(7), attributes["size"])
	assert.Contains(t, attributes, "deep")

	assert.Equal(t, map[string]any{"code": int64(7)}, flat(odd.Body.GetKvlistValue().GetValues()))
	assert.Equal(t, "odd", odd.SeverityText)

	assert.Empty(t, late.TraceId, "after the report")
	assert.Equal(t, "too slow", lost.Body.GetStringValue())
	assert.Equal(t, int64(2), flat(lost.Attributes)["dropped.records"])
}

// The module's own receiver, which agents are tested with, sees the same.
func TestReceiver(t *testing.T) {
	t.Parallel()
	server, err := receiver.New()
	require.NoError(t, err)
	defer server.Close()
	traces, logs := exporters(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL(), "OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,team=a%20b"}, Options{})
	p := export.New(export.Config{}, traces, logs)
	p.Add(batch(t, life))
	spans, err := server.Wait(within(t), 5, nil)
	require.NoError(t, err)
	assert.Equal(t, "shop", spans[0].Service)
	assert.Equal(t, "a b", spans[0].Attributes["team"])
	assert.Empty(t, p.Close(within(t)).Line())
	require.NoError(t, server.Err())
}

// What comes in parts, or not whole, gives what can be said.
func TestSpansOfBrokenHistories(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, events string
		want         string // names, in order
	}{
		{"no start", `[{"time":"2026-01-01T00:00:02Z","type":"platform.runtimeDone","record":{"requestId":"r","status":"success","metrics":{"durationMs":500}}}]`, "invoke"},
		{"report alone", `[{"time":"2026-01-01T00:00:02Z","type":"platform.report","record":{"requestId":"r","status":"timeout"}}]`, "invoke"},
		{"start alone", `[{"time":"2026-01-01T00:00:02Z","type":"platform.start","record":{"requestId":"r"}}]`, ""},
		{"no request", `[{"time":"2026-01-01T00:00:02Z","type":"platform.report","record":{}}]`, ""},
		{"bad record", `[{"time":"2026-01-01T00:00:02Z","type":"platform.report","record":"x"}]`, ""},
		{"managed instance", `[{"time":"2026-01-01T00:00:02Z","type":"platform.start","record":{"requestId":"r"}},{"time":"2026-01-01T00:00:02Z","type":"platform.start","record":{"requestId":"s"}},
			{"time":"2026-01-01T00:00:03Z","type":"platform.report","record":{"requestId":"s","metrics":{"durationMs":9},"spans":[{"name":"responseLatency","start":"2026-01-01T00:00:02Z","durationMs":1}]}},
			{"time":"2026-01-01T00:00:03Z","type":"platform.report","record":{"requestId":"r","metrics":{"durationMs":9}}}]`, "invoke responseLatency invoke"},
		{"restore", `[{"time":"2026-01-01T00:00:02Z","type":"platform.restoreStart","record":{"functionName":"f"}},{"time":"2026-01-01T00:00:03Z","type":"platform.restoreReport","record":{"status":"success","metrics":{"durationMs":700}}}]`, "restore"},
		{"restore without a start", `[{"time":"2026-01-01T00:00:03Z","type":"platform.restoreReport","record":{"status":"success"}}]`, "restore"},
		{"init without a start", `[{"time":"2026-01-01T00:00:03Z","type":"platform.initReport","record":{"metrics":{"durationMs":1e300},"spans":[{"name":"a","start":"2026-01-01T00:00:02Z","durationMs":-5},{"name":"b"}]}}]`, "init a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before := spanState{seed: "x"}
			_, whole := before.fold(batch(t, test.events))
			var names []string
			for _, span := range whole {
				names = append(names, span.Name)
				assert.GreaterOrEqual(t, span.EndTimeUnixNano, span.StartTimeUnixNano)
				assert.Len(t, span.SpanId, 8)
				assert.Len(t, span.TraceId, 16)
			}
			assert.Equal(t, test.want, strings.Join(names, " "))
			assert.Equal(t, spanState{seed: "x"}, before, "a value")

			// Event by event it is the same, with the same ids.
			state, n := spanState{seed: "x"}, 0
			for _, event := range batch(t, test.events) {
				next, spans := state.fold(batch(t, "[]"))
				assert.Empty(t, spans)
				next, spans = next.fold(append(batch(t, "[]"), event))
				for _, span := range spans {
					assert.Equal(t, whole[n].SpanId, span.SpanId)
					n++
				}
				state = next
			}
			assert.Equal(t, len(whole), n)
		})
	}
}

func TestOpenInvocationsAreBounded(t *testing.T) {
	t.Parallel()
	var r recent[int]
	for i := range 10 * openRequests {
		r.put(strings.Repeat("k", i%300)+"x", i)
		r.put(time.Duration(i).String(), i)
	}
	assert.Len(t, r.keys, openRequests)
	assert.Len(t, r.values, openRequests)
}

func TestParseTracing(t *testing.T) {
	t.Parallel()
	const w3c = "00-62e900b2710d76f009d6e7785905449a-0efbd19962d95b05-01"
	for _, test := range []struct {
		name, header  string
		trace, parent string
		flags         byte
	}{
		{"X-Ray", "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1", traceID, parentID, 1},
		{"other order, more fields", "Sampled=0;Self=1-a-b; Parent=0efbd19962d95b05;Lineage=a:1|b:2;Root=1-62e900b2-710d76f009d6e7785905449a", traceID, parentID, 0},
		{"undecided", "Root=1-62e900b2-710d76f009d6e7785905449a;Sampled=?", traceID, "", 0},
		{"upper case", "Root=1-62E900B2-710D76F009D6E7785905449A;Parent=0EFBD19962D95B05", traceID, parentID, 0},
		{"bad parent", "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=xyz;Sampled=1", traceID, "", 1},
		{"zero parent", "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0000000000000000", traceID, "", 0},
		{"W3C", w3c, traceID, parentID, 1},
		{"W3C of a later version", "01" + w3c[2:] + "-more", traceID, parentID, 1},
		{"W3C too long", w3c + "-more", "", "", 0},
		{"W3C zero parent", "00-62e900b2710d76f009d6e7785905449a-0000000000000000-01", "", "", 0},
		{"zero root", "Root=1-00000000-000000000000000000000000", "", "", 0},
		{"other version", "Root=2-62e900b2-710d76f009d6e7785905449a", "", "", 0},
		{"short root", "Root=1-62e900b2-710d", "", "", 0},
		{"empty", "", "", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := parseTracing(&telemetry.Tracing{Value: test.header})
			assert.Equal(t, test.trace != "", ok)
			if !ok {
				return
			}
			assert.Equal(t, unhex(t, test.trace), got.trace)
			if test.parent == "" {
				assert.Nil(t, got.parent)
			} else {
				assert.Equal(t, unhex(t, test.parent), got.parent)
			}
			assert.Equal(t, test.flags, got.flags)
		})
	}
}
