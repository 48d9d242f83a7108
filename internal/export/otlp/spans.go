package otlp

import (
	"time"

	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// spanState is what spans need to know of earlier events. It is a value: fold
// leaves the one it is called on as it was, so that events which could not be
// sent can come again.
type spanState struct {
	seed     string // sets this process's ids apart from another's
	instance string // and those of the environments that share a snapshot
	init     phaseState
	restore  phaseState
	cold     bool // no invocation has begun since the environment came up
	open     recent[opened]
}

// phaseState is an init or a restore phase that has begun.
type phaseState struct {
	start time.Time
	kind  string // the initialization type
	place place
	span  []byte
}

// opened is an invocation that has begun.
type opened struct {
	start time.Time
	place place
	span  []byte
	cold  bool
	link  *tracepb.Span_Link
	arn   string
	sent  bool // its own span
}

func wantsSpan(eventType string) bool {
	switch eventType {
	case telemetry.TypeInitStart, telemetry.TypeInitReport, telemetry.TypeRestoreStart, telemetry.TypeRestoreReport,
		telemetry.TypeStart, telemetry.TypeRuntimeDone, telemetry.TypeReport:
		return true
	}
	return false
}

// fold takes in events: the state after them, and the spans that they end.
func (s spanState) fold(events []telemetry.Event) (spanState, []*tracepb.Span) {
	s.open = s.open.clone()
	var spans []*tracepb.Span
	for _, event := range events {
		record, err := event.Decode()
		if err != nil {
			continue
		}
		switch record := record.(type) {
		case telemetry.Phase:
			spans = append(spans, s.phase(event, record)...)
		case telemetry.Invocation:
			spans = append(spans, s.invocation(event, record)...)
		}
	}
	return s, spans
}

func (s *spanState) phase(event telemetry.Event, record telemetry.Phase) []*tracepb.Span {
	switch event.Type {
	case telemetry.TypeInitStart:
		s.instance = first(record.InstanceID, s.instance)
		s.init = s.begin("init", event.Time, record)
		// Environments that were initialized ahead keep nobody waiting.
		s.cold = record.InitializationType == "on-demand"
	case telemetry.TypeRestoreStart:
		s.instance = first(record.InstanceID, s.instance)
		s.restore = s.begin("restore", event.Time, record)
		s.cold = true
	case telemetry.TypeInitReport:
		return s.phaseSpans("init", event, record, &s.init)
	case telemetry.TypeRestoreReport:
		return s.phaseSpans("restore", event, record, &s.restore)
	}
	return nil
}

// begin gives a phase its place: in a trace of its own, unless Lambda names
// one, since no invocation has begun yet.
func (s *spanState) begin(name string, at time.Time, record telemetry.Phase) phaseState {
	instant := at.UTC().Format(time.RFC3339Nano)
	in, ok := parseTracing(record.Tracing)
	if !ok {
		in = place{trace: derived(16, s.seed, s.instance, name, instant), flags: 1}
	}
	return phaseState{start: at, kind: record.InitializationType, place: in, span: derived(8, s.seed, s.instance, name, instant, "span")}
}

func (s *spanState) phaseSpans(name string, event telemetry.Event, record telemetry.Phase, phase *phaseState) []*tracepb.Span {
	if phase.span == nil {
		begun := event.Time.Add(-duration(record.Metrics.DurationMs))
		*phase = s.begin(name, begun, record)
	}
	span := newSpan(name, phase.place, phase.span, phase.start, end(phase.start, event.Time, record.Metrics.DurationMs))
	setStatus(span, record.Status, record.ErrorType)
	span.Attributes = append(span.Attributes, texts(
		"faas.init.type", first(record.InitializationType, phase.kind),
		"faas.init.phase", record.Phase,
	)...)
	return append([]*tracepb.Span{span}, children(phase.place, phase.span, record.Spans)...)
}

func (s *spanState) invocation(event telemetry.Event, record telemetry.Invocation) []*tracepb.Span {
	if record.RequestID == "" {
		return nil
	}
	known, has := s.open.values[record.RequestID]
	if event.Type == telemetry.TypeStart || !has {
		known = s.opening(event, record)
	}
	known.arn = first(known.arn, record.FunctionARN)

	var spans []*tracepb.Span
	if event.Type != telemetry.TypeStart {
		if !known.sent {
			spans = append(spans, s.invokeSpan(event, record, known))
			known.sent = true
		}
		spans = append(spans, children(known.place, known.span, record.Spans)...)
	}
	if event.Type == telemetry.TypeReport {
		s.open.delete(record.RequestID)
	} else {
		s.open.put(record.RequestID, known)
	}
	return spans
}

// opening is an invocation at its start, or, where that was not seen, as its
// end tells it.
func (s *spanState) opening(event telemetry.Event, record telemetry.Invocation) opened {
	o := opened{start: event.Time, arn: record.FunctionARN}
	if event.Type != telemetry.TypeStart {
		o.start = event.Time.Add(-duration(record.Metrics.DurationMs))
	}
	in, ok := parseTracing(record.Tracing)
	if !ok {
		in = place{trace: derived(16, "invoke", record.RequestID), flags: 1}
	}
	o.place = in
	if event.Type == telemetry.TypeStart && record.Tracing != nil {
		o.span = id(record.Tracing.SpanID, 8)
	}
	if o.span == nil {
		o.span = derived(8, "invoke", record.RequestID)
	}
	if s.cold && event.Type == telemetry.TypeStart {
		o.cold, s.cold = true, false
		came := s.init
		if s.restore.span != nil {
			came = s.restore
		}
		if came.span != nil {
			o.link = &tracepb.Span_Link{TraceId: came.place.trace, SpanId: came.span, Flags: uint32(came.place.flags) | hasRemote}
		}
	}
	return o
}

// invokeSpan is internal as all the others: the server's span is the agent's
// inside the function, and two would count each request twice.
func (s *spanState) invokeSpan(event telemetry.Event, record telemetry.Invocation, o opened) *tracepb.Span {
	span := newSpan("invoke", o.place, o.span, o.start, end(o.start, event.Time, record.Metrics.DurationMs))
	setStatus(span, record.Status, record.ErrorType)
	span.Attributes = append(span.Attributes, texts("faas.invocation_id", record.RequestID, "aws.lambda.invoked_arn", o.arn)...)
	span.Attributes = append(span.Attributes, attribute("faas.coldstart", boolean(o.cold)))
	if o.link != nil {
		span.Links = []*tracepb.Span_Link{o.link}
	}
	return span
}
