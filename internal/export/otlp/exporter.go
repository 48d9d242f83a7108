package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/telemetry"
	collogspb "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	coltracepb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Options are what exporters need beside their signal. The zero value is
// usable.
type Options struct {
	Resource *resourcepb.Resource
	// Version is the program's own.
	Version string
	// Seed sets the ids of this process's init spans apart from those of other
	// environments; anything random.
	Seed string
	// Proxy chooses a proxy; nil uses none. A main may give
	// http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

func (o Options) orDefault() Options {
	if o.Now == nil {
		o.Now = export.SystemClock().Now
	}
	if o.Resource == nil {
		o.Resource = new(resourcepb.Resource)
	}
	return o
}

func (o Options) scope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: "graft", Version: o.Version}
}

// Traces exports the phases of the environment and of its invocations as
// spans: init, restore and invoke, and the parts that Lambda names of each,
// such as runtimeOverhead and extensionOverhead.
//
// An invocation's span is a child of what its X-Ray header names, and is sent
// whether or not that is sampled, with the flag that says so: without active
// tracing, Lambda samples nothing.
func Traces(signal Signal, options Options) (export.Exporter, error) {
	options = options.orDefault()
	client, err := newClient(signal, options)
	if err != nil {
		return nil, fmt.Errorf("otlp traces: %w", err)
	}
	return &traces{client: client, options: options, state: spanState{seed: options.Seed}}, nil
}

type traces struct {
	client  *client
	options Options
	state   spanState
}

func (*traces) Name() string { return "otlp traces" }

func (*traces) Wants(eventType string) bool { return wantsSpan(eventType) }

func (t *traces) Export(ctx context.Context, events []telemetry.Event) error {
	next, spans := t.state.fold(events)
	var err error
	if len(spans) > 0 {
		err = t.send(ctx, next.instance, spans)
	}
	if later := new(export.Later); !errors.As(err, &later) {
		t.state = next
	}
	return err
}

func (t *traces) send(ctx context.Context, instance string, spans []*tracepb.Span) error {
	answer, err := t.client.send(ctx, &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   withInstance(t.options.Resource, instance),
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: t.options.scope(), Spans: spans}},
	}}})
	if err != nil {
		return err
	}
	response := new(coltracepb.ExportTraceServiceResponse)
	_ = proto.Unmarshal(answer, response) // an answer of another kind is as good as none
	return partial(response.GetPartialSuccess().GetRejectedSpans())
}

// Logs exports what the function and extensions write, as log records in the
// trace of the invocation that they belong to.
func Logs(signal Signal, options Options) (export.Exporter, error) {
	options = options.orDefault()
	client, err := newClient(signal, options)
	if err != nil {
		return nil, fmt.Errorf("otlp logs: %w", err)
	}
	return &logs{client: client, options: options}, nil
}

type logs struct {
	client  *client
	options Options
	state   logState
}

func (*logs) Name() string { return "otlp logs" }

func (*logs) Wants(eventType string) bool { return wantsLog(eventType) }

func (l *logs) Export(ctx context.Context, events []telemetry.Event) error {
	next, records := l.state.fold(events, l.options.Now())
	var err error
	if len(records) > 0 {
		err = l.send(ctx, next.instance, records)
	}
	if later := new(export.Later); !errors.As(err, &later) {
		l.state = next
	}
	return err
}

func (l *logs) send(ctx context.Context, instance string, records []*logspb.LogRecord) error {
	answer, err := l.client.send(ctx, &collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
		Resource:  withInstance(l.options.Resource, instance),
		ScopeLogs: []*logspb.ScopeLogs{{Scope: l.options.scope(), LogRecords: records}},
	}}})
	if err != nil {
		return err
	}
	response := new(collogspb.ExportLogsServiceResponse)
	_ = proto.Unmarshal(answer, response)
	return partial(response.GetPartialSuccess().GetRejectedLogRecords())
}

func partial(rejected int64) error {
	if rejected <= 0 {
		return nil
	}
	return &export.Partial{Refused: int(min(rejected, 1<<31-1)), Err: errors.New("the receiver rejected them")}
}
