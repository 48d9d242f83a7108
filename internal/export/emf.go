package export

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// Namespace is the CloudWatch namespace of the metrics.
const Namespace = "graft/lambda"

// A Function is what the metrics and spans are about.
type Function struct {
	Name    string
	Version string
	Account string // the owner's account id, if Lambda told
}

// EMF writes metrics in CloudWatch's embedded metric format: one line for each
// platform event that holds a figure. CloudWatch makes metrics of them where
// it finds them in the function's log group.
//
// The one dimension is FunctionName, since every further one is billed as
// metrics of its own; request and version stand beside it, to search by.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func EMF(to io.Writer, of Function) Exporter { return &emf{to: to, function: of} }

type emf struct {
	to       io.Writer
	function Function
}

func (*emf) Name() string { return "emf" }

func (*emf) Wants(eventType string) bool {
	switch eventType {
	case telemetry.TypeInitReport, telemetry.TypeRestoreReport, telemetry.TypeReport,
		telemetry.TypeRuntimeDone, telemetry.TypeLogsDropped:
		return true
	}
	return false
}

func (e *emf) Export(_ context.Context, events []telemetry.Event) error {
	return writeLines(e.to, events, e.line)
}

// A metric is one figure of an event; nil: the event lacks it.
type metric struct {
	name  string
	unit  string
	value *float64
}

// A property stands in the line beside the metrics, for searching.
type property struct{ name, value string }

// line is empty for an event without any figure.
func (e *emf) line(event telemetry.Event) ([]byte, error) {
	record, err := event.Decode()
	if err != nil {
		return nil, err
	}
	switch record := record.(type) {
	case telemetry.Phase:
		return e.document(event, phaseMetrics(event.Type, record), []property{
			{"initializationType", record.InitializationType}, {"phase", record.Phase},
			{"status", record.Status}, {"errorType", record.ErrorType},
		})
	case telemetry.Invocation:
		return e.document(event, invocationMetrics(event.Type, record), []property{
			{"requestId", record.RequestID}, {"status", record.Status}, {"errorType", record.ErrorType},
		})
	case telemetry.LogsDropped:
		return e.document(event, []metric{
			{"TelemetryDroppedRecords", "Count", &record.Records}, {"TelemetryDroppedBytes", "Bytes", &record.Bytes},
		}, []property{{"reason", record.Reason}})
	}
	return nil, nil
}

func phaseMetrics(eventType string, record telemetry.Phase) []metric {
	name := "Init"
	if eventType == telemetry.TypeRestoreReport {
		name = "Restore"
	}
	return []metric{
		{name + "Duration", "Milliseconds", record.Metrics.DurationMs},
		{name + "Errors", "Count", failed(record.Status)},
	}
}

func invocationMetrics(eventType string, record telemetry.Invocation) []metric {
	var metrics []metric
	if eventType == telemetry.TypeRuntimeDone {
		metrics = append(metrics,
			metric{"RuntimeDuration", "Milliseconds", record.Metrics.DurationMs},
			metric{"ProducedBytes", "Bytes", record.Metrics.ProducedBytes})
	} else {
		metrics = append(metrics,
			metric{"Duration", "Milliseconds", record.Metrics.DurationMs},
			metric{"BilledDuration", "Milliseconds", record.Metrics.BilledDurationMs},
			metric{"MaxMemoryUsed", "Megabytes", record.Metrics.MaxMemoryUsedMB},
			metric{"MemorySize", "Megabytes", record.Metrics.MemorySizeMB},
			metric{"Errors", "Count", failed(record.Status)},
			metric{"Timeouts", "Count", is(record.Status, "timeout")})
	}
	for _, span := range record.Spans {
		if name, known := spanMetrics[span.Name]; known {
			metrics = append(metrics, metric{name, "Milliseconds", &span.DurationMs})
		}
	}
	return metrics
}

var spanMetrics = map[string]string{
	"responseLatency":   "ResponseLatency",
	"responseDuration":  "ResponseDuration",
	"runtimeOverhead":   "RuntimeOverhead",
	"extensionOverhead": "ExtensionOverhead",
}

// failed is 0 or 1, so that the average is a rate; nil without a status.
func failed(status string) *float64 {
	if status == "" {
		return nil
	}
	ok := is(status, "success")
	*ok = 1 - *ok
	return ok
}

func is(status, wanted string) *float64 {
	if status == "" {
		return nil
	}
	value := 0.0
	if strings.EqualFold(status, wanted) {
		value = 1
	}
	return &value
}

type definition struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

type metadata struct {
	Timestamp         int64       `json:"Timestamp"` // ms since 1970
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

// document is written member by member, to begin with the mark.
func (e *emf) document(event telemetry.Event, metrics []metric, properties []property) ([]byte, error) {
	var definitions []definition
	values := map[string]any{}
	for _, m := range metrics {
		if _, twice := values[m.name]; m.value != nil && !twice {
			definitions = append(definitions, definition{m.name, m.unit})
			values[m.name] = *m.value
		}
	}
	if len(definitions) == 0 {
		return nil, nil
	}
	for _, p := range append(properties, property{"type", event.Type}, property{"functionVersion", e.function.Version}) {
		if p.value != "" {
			values[p.name] = p.value
		}
	}
	dimensions := []string{}
	if e.function.Name != "" {
		dimensions = append(dimensions, "FunctionName")
		values["FunctionName"] = e.function.Name
	}
	values["_aws"] = metadata{event.Time.UnixMilli(), []directive{{Namespace, [][]string{dimensions}, definitions}}}
	rest, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{[]byte(telemetry.MarkMetrics), rest[1:]}, []byte(",")), nil
}
