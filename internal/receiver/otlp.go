package receiver

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// otlpTraces decodes an ExportTraceServiceRequest. TracesData has the same
// fields, and comes without the gRPC service that stands beside the request.
func otlpTraces(kind string, body []byte) ([]Span, []byte, error) {
	var traces tracepb.TracesData
	media, _, _ := strings.Cut(kind, ";")
	switch strings.TrimSpace(media) {
	case "application/x-protobuf":
		if err := proto.Unmarshal(body, &traces); err != nil {
			return nil, nil, err
		}
		return otlpSpans(&traces, hex.EncodeToString), nil, nil
	case "application/json":
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, &traces); err != nil {
			return nil, nil, err
		}
		return otlpSpans(&traces, jsonID), []byte("{}"), nil
	}
	return nil, nil, fmt.Errorf("content type %q: neither protobuf nor JSON", kind)
}

// jsonID undoes protojson's base64: OTLP's JSON writes ids in hexadecimal,
// against protobuf's own mapping.
func jsonID(id []byte) string { return strings.ToLower(base64.StdEncoding.EncodeToString(id)) }

func otlpSpans(traces *tracepb.TracesData, id func([]byte) string) []Span {
	var spans []Span
	for _, resource := range traces.GetResourceSpans() {
		shared := otlpAttributes(nil, resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				spans = append(spans, Span{
					Vendor:     "otlp",
					Service:    shared["service.name"],
					Name:       span.GetName(),
					Kind:       strings.ToLower(strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_")),
					TraceID:    id(span.GetTraceId()),
					ID:         id(span.GetSpanId()),
					ParentID:   id(span.GetParentSpanId()),
					Attributes: otlpAttributes(shared, span.GetAttributes()),
				})
			}
		}
	}
	return spans
}

func otlpAttributes(under map[string]string, attributes []*commonpb.KeyValue) map[string]string {
	all := make(map[string]string, len(under)+len(attributes))
	for key, value := range under {
		all[key] = value
	}
	for _, attribute := range attributes {
		all[attribute.GetKey()] = otlpText(attribute.GetValue())
	}
	return all
}

func otlpText(value *commonpb.AnyValue) string {
	switch v := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	case nil:
		return ""
	}
	return protojson.Format(value)
}
