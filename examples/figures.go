package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// Figures are what Lambda's telemetry says of a function, times in
// milliseconds, as the companion printed it.
type figures struct {
	init        float64
	invocations []invocation
	memory      float64 // MB at most
	memorySize  float64 // MB
}

// An invocation is one call of the function.
type invocation struct {
	duration float64
	overhead float64 // of the runtime and the extensions, after the answer
}

// figuresIn reads the lines of GRAFT_TELEMETRY_TO=stdout among others.
func figuresIn(log string) (f figures, err error) {
	for line := range strings.Lines(log) {
		if !isTelemetry(line) {
			continue
		}
		var event telemetry.Event
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return f, fmt.Errorf("telemetry: %w", err)
		}
		record, err := event.Decode()
		if err != nil {
			return f, fmt.Errorf("telemetry: %w", err)
		}
		switch record := record.(type) {
		case telemetry.Phase:
			if event.Type == telemetry.TypeInitReport {
				f.init = value(record.Metrics.DurationMs)
			}
		case telemetry.Invocation:
			if event.Type == telemetry.TypeReport {
				f.report(record)
			}
		}
	}
	return f, nil
}

// isTelemetry tells a line of the companion's from all others.
func isTelemetry(line string) bool { return strings.HasPrefix(line, telemetry.MarkPlatform) }

func (f *figures) report(r telemetry.Invocation) {
	f.memory = max(f.memory, value(r.Metrics.MaxMemoryUsedMB))
	f.memorySize = value(r.Metrics.MemorySizeMB)
	call := invocation{duration: value(r.Metrics.DurationMs)}
	for _, span := range r.Spans {
		if strings.HasSuffix(span.Name, "Overhead") {
			call.overhead += span.DurationMs
		}
	}
	f.invocations = append(f.invocations, call)
}

func value(figure *float64) float64 {
	if figure == nil {
		return 0
	}
	return *figure
}

// String is one line for people.
func (f figures) String() string {
	var durations, overheads []string
	for _, call := range f.invocations {
		durations = append(durations, fmt.Sprintf("%.0f", call.duration))
		overheads = append(overheads, fmt.Sprintf("%.1f", call.overhead))
	}
	return fmt.Sprintf("init %.0f ms, calls %s ms, overhead %s ms, memory %.0f of %.0f MB", f.init,
		strings.Join(durations, " and "), strings.Join(overheads, " and "), f.memory, f.memorySize)
}
