package otlp

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
)

func attribute(key string, value *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: strings.ToValidUTF8(key, "�"), Value: value}
}

// text replaces what is not UTF-8: protobuf would refuse the whole request.
func text(value string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: strings.ToValidUTF8(value, "�")}}
}

func integer(value int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}
}

func boolean(value bool) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: value}}
}

func list(values ...string) *commonpb.AnyValue {
	array := new(commonpb.ArrayValue)
	for _, value := range values {
		array.Values = append(array.Values, text(value))
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: array}}
}

// maxDepth bounds how deep a log record's objects are followed; what lies
// deeper is kept as JSON text. Receivers have such limits too.
const maxDepth = 16

// value turns what encoding/json made of a log record into OTLP.
func value(of any, depth int) *commonpb.AnyValue {
	switch of := of.(type) {
	case string:
		return text(of)
	case bool:
		return boolean(of)
	case float64:
		if of == math.Trunc(of) && math.Abs(of) < 1<<53 {
			return integer(int64(of))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: of}}
	case nil:
		return &commonpb.AnyValue{}
	}
	if depth >= maxDepth {
		rest, _ := json.Marshal(of)
		return text(string(rest))
	}
	switch of := of.(type) {
	case []any:
		array := new(commonpb.ArrayValue)
		for _, element := range of {
			array.Values = append(array.Values, value(element, depth+1))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: array}}
	case map[string]any:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{
			KvlistValue: &commonpb.KeyValueList{Values: attributes(of, depth+1)},
		}}
	}
	return &commonpb.AnyValue{}
}

// attributes are in order of their keys, so that the same record gives the
// same bytes.
func attributes(of map[string]any, depth int) []*commonpb.KeyValue {
	var all []*commonpb.KeyValue
	for _, key := range slices.Sorted(maps.Keys(of)) {
		all = append(all, attribute(key, value(of[key], depth)))
	}
	return all
}
