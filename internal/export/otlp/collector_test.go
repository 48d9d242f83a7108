package otlp

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// collector decodes with the full upstream types what it gets. Unknown fields
// are faults: they would mean that the two sides speak of different messages.
type collector struct {
	*httptest.Server
	// answer, if set, answers in place of the collector; true: it has.
	answer func(w http.ResponseWriter, r *http.Request, call int) bool

	mu      sync.Mutex
	calls   int
	headers []http.Header
	traces  []*tracepb.TracesData
	logs    []*logspb.LogsData
	faults  []string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.calls++
	call := c.calls
	c.mu.Unlock()
	if c.answer != nil && c.answer(w, r, call) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, r.Header.Clone())
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(r.Body)
		if err != nil {
			c.faults = append(c.faults, err.Error())
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = plain
	}
	text, err := io.ReadAll(body)
	var message proto.Message
	switch r.URL.Path {
	case "/v1/traces":
		traces := new(tracepb.TracesData)
		c.traces, message = append(c.traces, traces), traces
	case "/v1/logs":
		logs := new(logspb.LogsData)
		c.logs, message = append(c.logs, logs), logs
	}
	if err == nil && message != nil {
		err = proto.Unmarshal(text, message)
	}
	if err != nil || message == nil || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Method != http.MethodPost {
		c.faults = append(c.faults, r.URL.Path)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if again, err := protojson.Marshal(message); err != nil || len(again) == 0 || len(message.ProtoReflect().GetUnknown()) > 0 {
		c.faults = append(c.faults, "unknown fields")
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collector) spans() []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var spans []*tracepb.Span
	for _, data := range c.traces {
		for _, resource := range data.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				spans = append(spans, scope.Spans...)
			}
		}
	}
	return spans
}

func (c *collector) records() []*logspb.LogRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	var records []*logspb.LogRecord
	for _, data := range c.logs {
		for _, resource := range data.ResourceLogs {
			for _, scope := range resource.ScopeLogs {
				records = append(records, scope.LogRecords...)
			}
		}
	}
	return records
}

// flat shows attributes as a map, values as they print in JSON.
func flat(attributes []*commonpb.KeyValue) map[string]any {
	all := map[string]any{}
	for _, a := range attributes {
		switch v := a.Value.GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			all[a.Key] = v.IntValue
		case *commonpb.AnyValue_DoubleValue:
			all[a.Key] = v.DoubleValue
		case *commonpb.AnyValue_BoolValue:
			all[a.Key] = v.BoolValue
		case *commonpb.AnyValue_ArrayValue:
			var values []string
			for _, element := range v.ArrayValue.Values {
				values = append(values, element.GetStringValue())
			}
			all[a.Key] = values
		case *commonpb.AnyValue_KvlistValue:
			all[a.Key] = flat(v.KvlistValue.Values)
		case nil:
			all[a.Key] = nil
		}
	}
	return all
}

func env(values map[string]string) Env {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// exporters are both, towards a collector.
func exporters(t *testing.T, values map[string]string, options Options) (traces, logs export.Exporter) {
	t.Helper()
	toTraces, toLogs, problems := Configure(env(values))
	require.Empty(t, problems)
	if options.Resource == nil {
		options.Resource = Resource(env(values), export.Function{Name: "f", Version: "7", Account: "012345678912"})
	}
	traces, err := Traces(toTraces, options)
	require.NoError(t, err)
	logs, err = Logs(toLogs, options)
	require.NoError(t, err)
	return traces, logs
}

func batch(t *testing.T, text string) []telemetry.Event {
	t.Helper()
	events, skipped, err := telemetry.Batch([]byte(text))
	require.NoError(t, err)
	require.Zero(t, skipped)
	return events
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	bytes, err := hex.DecodeString(text)
	require.NoError(t, err)
	return bytes
}

func noFaults(t *testing.T, c *collector) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.Empty(t, c.faults)
}
