package telemetry

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func number(value float64) *float64 { return &value }

func TestDecode(t *testing.T) {
	t.Parallel()
	start := time.Date(2022, 8, 2, 12, 1, 23, 521e6, time.UTC)
	xray := &Tracing{SpanID: "54565fb41ac79632", Type: "X-Amzn-Trace-Id", Value: "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"}
	tracing := `"tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"}`
	for _, test := range []struct {
		name, kind, record string
		want               any
	}{
		{"initStart", TypeInitStart, `{"initializationType":"on-demand","phase":"init","functionName":"f","functionVersion":"$LATEST","instanceId":"i","instanceMaxMemory":256,"runtimeVersion":"nodejs-14.v3","runtimeVersionArn":"arn"}`,
			Phase{InitializationType: "on-demand", Phase: "init", FunctionName: "f", FunctionVersion: "$LATEST", InstanceID: "i", InstanceMaxMemory: 256, RuntimeVersion: "nodejs-14.v3", RuntimeVersionARN: "arn"}},
		{"initRuntimeDone", TypeInitRuntimeDone, `{"initializationType":"on-demand","phase":"init","status":"error","errorType":"Runtime.ExitError"}`,
			Phase{InitializationType: "on-demand", Phase: "init", Status: "error", ErrorType: "Runtime.ExitError"}},
		{"initReport", TypeInitReport, `{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":125.33},"spans":[{"name":"someTimeSpan","start":"2022-08-02T12:01:23.521Z","durationMs":70.02}]}`,
			Phase{InitializationType: "on-demand", Phase: "init", Status: "success", Metrics: Metrics{DurationMs: number(125.33)}, Spans: []Span{{"someTimeSpan", start, 70.02}}}},
		{"start", TypeStart, `{"requestId":"r","version":"$LATEST",` + tracing + `}`, Invocation{RequestID: "r", Version: "$LATEST", Tracing: xray}},
		{"start, no version", TypeStart, `{"requestId":"r"}`, Invocation{RequestID: "r"}},
		{"start, managed instance", TypeStart, `{"requestId":"r","functionArn":"arn:x"}`, Invocation{RequestID: "r", FunctionARN: "arn:x"}},
		{"runtimeDone", TypeRuntimeDone, `{"requestId":"r","status":"success",` + tracing + `,"spans":[{"name":"responseLatency","start":"2022-08-02T12:01:23.521Z","durationMs":23.02}],"metrics":{"durationMs":200,"producedBytes":15}}`,
			Invocation{RequestID: "r", Status: "success", Tracing: xray, Spans: []Span{{"responseLatency", start, 23.02}}, Metrics: Metrics{DurationMs: number(200), ProducedBytes: number(15)}}},
		{"report", TypeReport, `{"requestId":"r","status":"timeout","metrics":{"durationMs":220.12,"billedDurationMs":300,"memorySizeMB":128,"maxMemoryUsedMB":90,"initDurationMs":200.32,"restoreDurationMs":1}}`,
			Invocation{RequestID: "r", Status: "timeout", Metrics: Metrics{DurationMs: number(220.12), BilledDurationMs: number(300), MemorySizeMB: number(128), MaxMemoryUsedMB: number(90), InitDurationMs: number(200.32), RestoreDurationMs: number(1)}}},
		{"restoreStart", TypeRestoreStart, `{"functionName":"f","instanceId":"i"}`, Phase{FunctionName: "f", InstanceID: "i"}},
		{"restoreRuntimeDone", TypeRestoreRuntimeDone, `{"status":"success"}`, Phase{Status: "success"}},
		{"restoreReport", TypeRestoreReport, `{"status":"success","metrics":{"durationMs":15.19}}`, Phase{Status: "success", Metrics: Metrics{DurationMs: number(15.19)}}},
		{"extension", TypeExtension, `{"name":"e","state":"Ready","events":["INVOKE","SHUTDOWN"]}`, Extension{Name: "e", State: "Ready", Events: []string{"INVOKE", "SHUTDOWN"}}},
		{"subscription", TypeSubscription, `{"name":"e","state":"Subscribed","types":["platform"]}`, Subscription{Name: "e", State: "Subscribed", Types: []string{"platform"}}},
		{"logsDropped", TypeLogsDropped, `{"droppedBytes":12345,"droppedRecords":123,"reason":"slow"}`, LogsDropped{12345, 123, "slow"}},
		{"text log", TypeFunctionLog, `"hello\n"`, Log{Text: "hello\n"}},
		{"object log", TypeExtensionLog, `{"level":"INFO","n":1}`, Log{Members: map[string]any{"level": "INFO", "n": 1.0}}},
		{"number log", TypeFunctionLog, `17`, Log{Text: "17"}},
		{"no log", TypeFunctionLog, ``, Log{}},
		{"unknown type", "platform.somethingNew", `{"a":1}`, nil},
		{"unknown member", TypeStart, `{"requestId":"r","new":{"deep":[1]}}`, Invocation{RequestID: "r"}},
		{"member of another kind", TypeReport, `{"status":7,"metrics":{"durationMs":"fast","billedDurationMs":3},"spans":"none","requestId":"r"}`,
			Invocation{RequestID: "r", Metrics: Metrics{BilledDurationMs: number(3)}}},
		{"span with a bad start", TypeReport, `{"requestId":"r","spans":[{"name":"a","start":"noon","durationMs":2},{"name":"b","start":5}]}`,
			Invocation{RequestID: "r", Spans: []Span{{Name: "a", DurationMs: 2}, {Name: "b"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record, err := Event{Type: test.kind, Record: json.RawMessage(test.record)}.Decode()
			require.NoError(t, err)
			assert.Equal(t, test.want, record)
		})
	}
	for _, record := range []string{``, `"text"`, `7`, `null`, `[]`} {
		_, err := Event{Type: TypeReport, Record: json.RawMessage(record)}.Decode()
		assert.Error(t, err, record)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		types      []string
		skipped    int
		fails      bool
	}{
		{"two", `[{"time":"2022-08-02T12:01:23.521Z","type":"a","record":"x"},{"time":"2022-08-02T12:01:23.521Z","type":"b","record":{}}]`, []string{"a", "b"}, 0, false},
		{"empty body", ``, nil, 0, false},
		{"blank body", " \n", nil, 0, false},
		{"empty array", `[]`, nil, 0, false},
		{"bad time", `[{"time":"noon","type":"a"},{"time":7,"type":"b"}]`, []string{"a", "b"}, 0, false},
		{"no time", `[{"type":"a","record":null}]`, []string{"a"}, 0, false},
		{"elements that are none", `[null,1,"x",[],{"type":"a"},{"type":3},{}]`, []string{"a"}, 6, false},
		{"cut off", `[{"type":"a"},{"type":"b"`, []string{"a"}, 0, true},
		{"no end", `[{"type":"a"}`, []string{"a"}, 0, true},
		{"an object", `{"type":"a"}`, nil, 0, true},
		{"null", `null`, nil, 0, true},
		{"not JSON", `hello`, nil, 0, true},
		{"binary", "\x00\x01\xff", nil, 0, true},
		{"not UTF-8", "[{\"type\":\"a\",\"record\":\"\xff\"}]", []string{"a"}, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			events, skipped, err := Batch([]byte(test.body))
			var types []string
			for _, event := range events {
				types = append(types, event.Type)
			}
			assert.Equal(t, test.types, types)
			assert.Equal(t, test.skipped, skipped)
			assert.Equal(t, test.fails, err != nil)
		})
	}
}

// FuzzBatch: whatever comes, what is taken for events can be worked with.
func FuzzBatch(f *testing.F) {
	f.Add([]byte(`[{"time":"2022-08-02T12:01:23.521Z","type":"platform.report","record":{"requestId":"r","spans":[{"name":"a","start":"x"}],"metrics":{"durationMs":1e999}}}]`))
	f.Add([]byte(`[{"type":"function","record":{"graft":"emf"}},null,{"type":"extension","record":"graft: x"}`))
	f.Add([]byte(`[[[[`))
	own := NewOwn("graft: ")
	f.Fuzz(func(t *testing.T, body []byte) {
		events, skipped, err := Batch(body)
		if skipped < 0 {
			t.Fatal("negative count")
		}
		for _, event := range events {
			if event.Type == "" {
				t.Fatal("an event without a type")
			}
			if len(event.Record) > 0 && !json.Valid(event.Record) {
				t.Fatalf("record is not JSON: %q", event.Record)
			}
			_, _ = event.Decode()
			_ = own.Wrote(event)
		}
		if err != nil {
			return
		}
		// What was decoded decodes again, to the same number.
		again, err := json.Marshal(events)
		if err != nil {
			return // a year beyond 9999
		}
		if events != nil {
			twice, skipped, err := Batch(again)
			if err != nil || skipped != 0 || len(twice) != len(events) {
				t.Fatalf("%d events, then %d, %d skipped, %v", len(events), len(twice), skipped, err)
			}
		}
	})
}

func TestOwn(t *testing.T) {
	t.Parallel()
	own := NewOwn("graft-companion: ")
	for _, test := range []struct {
		kind, record string
		want         bool
	}{
		{"extension", `"graft-companion: telemetry: 503"`, true},
		{"function", `"graft-companion: telemetry: 503\n"`, true},
		{"extension", `"{\"graft\":\"platform\",\"time\":\"…\"}"`, true},
		{"extension", `"{\"graft\":\"emf\",\"_aws\":{}}"`, true},
		{"extension", `{"_aws":{},"graft":"emf"}`, true},
		{"extension", `{"timestamp":"…","message":"graft-companion: x"}`, true},
		{"extension", `"said graft-companion: x"`, false},
		{"extension", `{"message":"hello","graft":7}`, false},
		{"extension", `{"graft":"other"}`, false},
		{"extension", ``, false},
		{"extension", `12`, false},
		{"platform.report", `{"graft":"emf"}`, false},
	} {
		assert.Equal(t, test.want, own.Wrote(Event{Type: test.kind, Record: json.RawMessage(test.record)}), test.record)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var lines []string
	throttle := NewThrottle(func(line string) { lines = append(lines, line) }, time.Minute, func() time.Time { return now })
	for range 1000 {
		throttle.Say("a", "a went wrong")
	}
	throttle.Say("b", "b went wrong")
	now = now.Add(time.Minute)
	throttle.Say("a", "a went wrong")
	now = now.Add(-time.Hour) // set back
	throttle.Say("a", "a went wrong")
	assert.Equal(t, []string{"a went wrong", "b went wrong", "a went wrong (and 999 like it before)", "a went wrong"}, lines)
	(*Throttle)(nil).Say("a", "nothing")
}
