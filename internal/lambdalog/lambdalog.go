// Package lambdalog writes platform events as the lines that Lambda writes to
// a function's log in the text format.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
package lambdalog

import (
	"fmt"
	"strings"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// Lines returns the lines for an event, without line ends: START, END with
// REPORT, INIT_REPORT of an init that failed, RESTORE_REPORT. Most events have
// none.
func Lines(event telemetry.Event) []string {
	record, err := event.Decode()
	if err != nil {
		return nil
	}
	switch r := record.(type) {
	case telemetry.Phase:
		return phase(event.Type, r)
	case telemetry.Invocation:
		return invocation(event.Type, r)
	}
	return nil
}

func phase(kind string, r telemetry.Phase) []string {
	switch {
	case kind == telemetry.TypeInitReport && r.Status != "success":
		fields := []string{"INIT_REPORT Init Duration: " + ms(r.Metrics.DurationMs), "Phase: " + r.Phase}
		return []string{strings.Join(append(fields, status(r.Status, r.ErrorType)...), "\t")}
	case kind == telemetry.TypeRestoreReport:
		fields := []string{"RESTORE_REPORT Restore Duration: " + ms(r.Metrics.DurationMs)}
		return []string{strings.Join(append(fields, status(r.Status, r.ErrorType)...), "\t")}
	}
	return nil
}

func invocation(kind string, r telemetry.Invocation) []string {
	switch kind {
	case telemetry.TypeStart:
		return []string{fmt.Sprintf("START RequestId: %s Version: %s", r.RequestID, r.Version)}
	case telemetry.TypeReport:
		return []string{"END RequestId: " + r.RequestID, report(r)}
	}
	return nil
}

func report(r telemetry.Invocation) string {
	fields := []string{"REPORT RequestId: " + r.RequestID, "Duration: " + ms(r.Metrics.DurationMs)}
	for _, figure := range []struct {
		value  *float64
		format string
	}{
		{r.Metrics.BilledDurationMs, "Billed Duration: %.0f ms"},
		{r.Metrics.MemorySizeMB, "Memory Size: %.0f MB"},
		{r.Metrics.MaxMemoryUsedMB, "Max Memory Used: %.0f MB"},
		{r.Metrics.InitDurationMs, "Init Duration: %.2f ms"},
		{r.Metrics.RestoreDurationMs, "Restore Duration: %.2f ms"},
	} {
		if figure.value != nil {
			fields = append(fields, fmt.Sprintf(figure.format, *figure.value))
		}
	}
	return strings.Join(append(fields, status(r.Status, r.ErrorType)...), "\t")
}

// status is what stands there only if something went wrong.
func status(status, errorType string) []string {
	var fields []string
	if status != "" && status != "success" {
		fields = append(fields, "Status: "+status)
	}
	if errorType != "" {
		fields = append(fields, "Error Type: "+errorType)
	}
	return fields
}

func ms(figure *float64) string {
	if figure == nil {
		return "0.00 ms"
	}
	return fmt.Sprintf("%.2f ms", *figure)
}
