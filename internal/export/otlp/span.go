package otlp

import (
	"math"
	"time"

	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// children are the parts of a phase: runtimeOverhead, extensionOverhead …
func children(of place, parent []byte, parts []telemetry.Span) []*tracepb.Span {
	var spans []*tracepb.Span
	for _, part := range parts {
		if part.Name == "" || part.Start.IsZero() {
			continue
		}
		in := place{trace: of.trace, parent: parent, flags: of.flags}
		span := newSpan(part.Name, in, derived(8, string(parent), part.Name), part.Start, part.Start.Add(duration(&part.DurationMs)))
		span.Flags = uint32(of.flags) | hasRemote
		spans = append(spans, span)
	}
	return spans
}

// The bits of Span.flags that say whether the parent is in another process.
const (
	hasRemote = 0x100
	isRemote  = 0x200
)

func newSpan(name string, in place, span []byte, start, end time.Time) *tracepb.Span {
	flags := uint32(in.flags) | hasRemote
	if in.parent != nil {
		flags |= isRemote
	}
	return &tracepb.Span{
		TraceId: in.trace, SpanId: span, ParentSpanId: in.parent, Flags: flags,
		Name: text(name).GetStringValue(), Kind: tracepb.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: nano(start), EndTimeUnixNano: nano(end),
	}
}

// setStatus leaves success unset: "ok" is the owner's word to say.
func setStatus(span *tracepb.Span, status, errorType string) {
	if status == "" || status == "success" {
		return
	}
	span.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: text(status).GetStringValue()}
	span.Attributes = append(span.Attributes, texts("error.type", first(errorType, status))...)
}

// texts makes attributes of pairs, without those that are empty.
func texts(pairs ...string) []*commonpb.KeyValue {
	var all []*commonpb.KeyValue
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, attribute(pairs[i], text(pairs[i+1])))
		}
	}
	return all
}

// end is where a phase that took ms ends; without a figure, when it was told.
func end(start, told time.Time, ms *float64) time.Time {
	if ms != nil {
		return start.Add(duration(ms))
	}
	if told.Before(start) {
		return start
	}
	return told
}

// longest bounds a duration that makes no sense.
const longest = 30 * 24 * time.Hour

func duration(ms *float64) time.Duration {
	if ms == nil || *ms <= 0 || math.IsNaN(*ms) {
		return 0
	}
	return time.Duration(min(*ms*float64(time.Millisecond), float64(longest)))
}

func nano(at time.Time) uint64 {
	if at.Before(time.Unix(0, 0)) || at.Year() > 2200 {
		return 0
	}
	return uint64(at.UnixNano())
}
