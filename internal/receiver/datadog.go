package receiver

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/tinylib/msgp/msgp"
)

var datadogReply = []byte(`{"rate_by_service":{}}`)

// datadogV04 decodes an array of traces, each an array of spans as maps.
func datadogV04(_ string, body []byte) ([]Span, []byte, error) {
	traces, err := datadogValue(body)
	if err != nil {
		return nil, nil, err
	}
	var spans []Span
	for _, trace := range traces {
		list, ok := trace.([]any)
		if !ok {
			return nil, nil, fmt.Errorf("trace is a %T", trace)
		}
		for _, span := range list {
			fields, ok := span.(map[string]any)
			if !ok {
				return nil, nil, fmt.Errorf("span is a %T", span)
			}
			spans = append(spans, datadogSpan(fields))
		}
	}
	return spans, datadogReply, nil
}

// datadogV05 decodes a pair: a table of strings, and traces whose spans are
// arrays that name their strings by place in that table.
func datadogV05(_ string, body []byte) ([]Span, []byte, error) {
	m := &message{left: body}
	if n := m.array(); m.err == nil && n != 2 {
		return nil, nil, fmt.Errorf("array of %d, want strings and traces", n)
	}
	var table []string
	for range m.array() {
		if m.err != nil {
			return nil, nil, m.err
		}
		table = append(table, m.text())
	}
	named := func() any {
		place := m.number()
		if place >= uint64(len(table)) {
			m.fail(fmt.Errorf("string %d of %d", place, len(table)))
			return ""
		}
		return table[place]
	}
	var spans []Span
	for range m.array() {
		if m.err != nil {
			return nil, nil, m.err
		}
		for range m.array() {
			if n := m.array(); m.err == nil && n != 12 {
				return nil, nil, fmt.Errorf("span of %d fields, want 12", n)
			}
			fields := map[string]any{"service": named(), "name": named(), "resource": named()}
			for _, key := range []string{"trace_id", "span_id", "parent_id", "start", "duration", "error"} {
				fields[key] = m.value()
			}
			fields["meta"] = m.named(named, named)
			fields["metrics"] = m.named(named, m.value)
			fields["type"] = named()
			if m.err != nil {
				return nil, nil, m.err
			}
			spans = append(spans, datadogSpan(fields))
		}
	}
	if m.err == nil && len(m.left) != 0 {
		m.fail(fmt.Errorf("%d bytes after the message", len(m.left)))
	}
	if m.err != nil {
		return nil, nil, m.err
	}
	return spans, datadogReply, nil
}

// datadogEnd takes what Datadog's agent for Java tells Datadog's extension
// when an invocation has ended; the span for it is the extension's to make.
func (s *Server) datadogEnd(w http.ResponseWriter, r *http.Request) {
	fields := map[string]any{"name": "aws.lambda", "parent_id": uint64(0), "meta": map[string]any{"span.kind": "server"}}
	for key, header := range map[string]string{"trace_id": "X-Datadog-Trace-Id", "span_id": "X-Datadog-Span-Id"} {
		id, err := strconv.ParseUint(r.Header.Get(header), 10, 64)
		if err != nil {
			s.refuse(w, r, fmt.Errorf("%s: %w", header, err))
			return
		}
		fields[key] = id
	}
	s.keep([]Span{datadogSpan(fields)})
	drained(w, r)
}

func datadogSpan(fields map[string]any) Span {
	text := func(key string) string {
		s, _ := fields[key].(string)
		return s
	}
	attributes := map[string]string{"resource": text("resource"), "type": text("type")}
	for _, group := range []string{"meta", "metrics"} {
		values, _ := fields[group].(map[string]any)
		for key, value := range values {
			attributes[key] = fmt.Sprint(value)
		}
	}
	span := Span{
		Vendor:     "datadog",
		Service:    text("service"),
		Name:       text("name"),
		Kind:       attributes["span.kind"],
		TraceID:    attributes["_dd.p.tid"] + datadogHex(fields["trace_id"]),
		ID:         datadogHex(fields["span_id"]),
		Attributes: attributes,
	}
	if datadogID(fields["parent_id"]) != 0 {
		span.ParentID = datadogHex(fields["parent_id"])
	}
	return span
}

func datadogHex(id any) string { return fmt.Sprintf("%016x", datadogID(id)) }

// datadogID reads an integer of any of msgpack's sizes; math.MaxUint64 if it
// is none.
func datadogID(id any) uint64 {
	switch n := id.(type) {
	case uint64:
		return n
	case int64:
		return uint64(n)
	}
	return math.MaxUint64
}

// datadogValue reads one msgpack array and nothing behind it.
func datadogValue(body []byte) ([]any, error) {
	m := &message{left: body}
	list, ok := m.value().([]any)
	switch {
	case m.err != nil:
		return nil, m.err
	case len(m.left) != 0:
		return nil, fmt.Errorf("%d bytes after the message", len(m.left))
	case !ok:
		return nil, errors.New("no array")
	}
	return list, nil
}

// message is msgpack yet to be read. The first error stays; from then on
// every array and map is empty.
type message struct {
	left []byte
	err  error
}

func (m *message) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

func read[T any](m *message, from func([]byte) (T, []byte, error)) T {
	var none T
	if m.err != nil {
		return none
	}
	value, left, err := from(m.left)
	if err != nil {
		m.err = err
		return none
	}
	m.left = left
	return value
}

func (m *message) array() uint32  { return read(m, msgp.ReadArrayHeaderBytes) }
func (m *message) text() string   { return read(m, msgp.ReadStringBytes) }
func (m *message) number() uint64 { return read(m, msgp.ReadUint64Bytes) }
func (m *message) value() any     { return read(m, msgp.ReadIntfBytes) }

func (m *message) named(key, value func() any) map[string]any {
	all := map[string]any{}
	for range read(m, msgp.ReadMapHeaderBytes) {
		if m.err != nil {
			break
		}
		k := fmt.Sprint(key())
		all[k] = value()
	}
	return all
}
