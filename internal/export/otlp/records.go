package otlp

import (
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
	logspb "go.opentelemetry.io/proto/slim/otlp/logs/v1"
)

// logState is what log records need to know of earlier events: it puts a line
// into the trace of its invocation. It is a value, as spanState is.
type logState struct {
	instance   string
	concurrent bool   // several invocations at once: a line alone does not say whose it is
	current    string // the request that is running
	open       recent[opened]
}

func wantsLog(eventType string) bool {
	switch eventType {
	case telemetry.TypeFunctionLog, telemetry.TypeExtensionLog, telemetry.TypeLogsDropped,
		telemetry.TypeInitStart, telemetry.TypeRestoreStart, telemetry.TypeStart, telemetry.TypeReport:
		return true
	}
	return false
}

func (s logState) fold(events []telemetry.Event, now time.Time) (logState, []*logspb.LogRecord) {
	s.open = s.open.clone()
	var records []*logspb.LogRecord
	for _, event := range events {
		record, err := event.Decode()
		if err != nil {
			// A line is worth more than its form.
			record = telemetry.Log{Text: string(event.Record)}
		}
		switch record := record.(type) {
		case telemetry.Phase:
			s.instance = first(record.InstanceID, s.instance)
			s.concurrent = record.InitializationType == "lambda-managed-instances"
		case telemetry.Invocation:
			s.invocation(event, record)
		case telemetry.LogsDropped:
			records = append(records, dropped(event, record, now))
		case telemetry.Log:
			records = append(records, s.log(event, record, now))
		}
	}
	return s, records
}

func (s *logState) invocation(event telemetry.Event, record telemetry.Invocation) {
	if event.Type == telemetry.TypeReport {
		s.open.delete(record.RequestID)
		if s.current == record.RequestID {
			s.current = ""
		}
		return
	}
	s.current = record.RequestID
	s.open.put(record.RequestID, new(spanState).opening(event, record))
}

// log turns a line into a record. Of an object, AWS's own members become the
// record's time, severity, body and request; the others become attributes.
func (s *logState) log(event telemetry.Event, record telemetry.Log, now time.Time) *logspb.LogRecord {
	out := &logspb.LogRecord{
		TimeUnixNano:         nano(event.Time),
		ObservedTimeUnixNano: nano(now),
		Body:                 text(record.Text),
		Attributes:           texts("type", event.Type),
	}
	request := ""
	if record.Members != nil {
		request = object(out, record.Members)
	}
	if request == "" && !s.concurrent {
		request = s.current
	}
	if request != "" {
		out.Attributes = append(out.Attributes, texts("faas.invocation_id", request)...)
	}
	if known, has := s.open.values[request]; has {
		out.TraceId, out.SpanId, out.Flags = known.place.trace, known.span, uint32(known.place.flags)
	}
	return out
}

func object(out *logspb.LogRecord, members map[string]any) (request string) {
	rest := map[string]any{}
	out.Body = nil
	for key, member := range members {
		content, isText := member.(string)
		switch {
		case key == "timestamp" && isText:
			if at, err := time.Parse(time.RFC3339Nano, content); err == nil {
				out.TimeUnixNano = nano(at)
				continue
			}
		case key == "level" && isText:
			out.SeverityText = text(content).GetStringValue()
			out.SeverityNumber = severity(content)
			continue
		case (key == "requestId" || key == "AWSRequestId") && isText:
			request = content
			continue
		case key == "message":
			out.Body = value(member, 0)
			continue
		}
		rest[key] = member
	}
	if out.Body == nil {
		out.Body = value(rest, 0)
		return request
	}
	out.Attributes = append(out.Attributes, attributes(rest, 0)...)
	return request
}

func severity(level string) logspb.SeverityNumber {
	switch strings.ToUpper(level) {
	case "TRACE":
		return logspb.SeverityNumber_SEVERITY_NUMBER_TRACE
	case "DEBUG":
		return logspb.SeverityNumber_SEVERITY_NUMBER_DEBUG
	case "INFO":
		return logspb.SeverityNumber_SEVERITY_NUMBER_INFO
	case "WARN", "WARNING":
		return logspb.SeverityNumber_SEVERITY_NUMBER_WARN
	case "ERROR":
		return logspb.SeverityNumber_SEVERITY_NUMBER_ERROR
	case "FATAL", "CRITICAL":
		return logspb.SeverityNumber_SEVERITY_NUMBER_FATAL
	}
	return logspb.SeverityNumber_SEVERITY_NUMBER_UNSPECIFIED
}

// dropped tells of lines that Lambda lost: a gap that nobody sees would be
// taken for silence.
func dropped(event telemetry.Event, record telemetry.LogsDropped, now time.Time) *logspb.LogRecord {
	return &logspb.LogRecord{
		TimeUnixNano:         nano(event.Time),
		ObservedTimeUnixNano: nano(now),
		SeverityText:         "WARN",
		SeverityNumber:       logspb.SeverityNumber_SEVERITY_NUMBER_WARN,
		Body:                 text(first(record.Reason, "Lambda dropped logs")),
		Attributes: append(texts("type", event.Type),
			attribute("dropped.records", value(record.Records, 0)), attribute("dropped.bytes", value(record.Bytes, 0))),
	}
}
