//go:build linux

package local_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
)

// quiet is an extension that writes nothing.
func quiet(script string) string { return "exec >/dev/null; " + script }

// say is a runtime that writes lines, and does what its event says.
const say = `echo starting; ` + bashClient + `
	while next; do
		echo "got $event"; echo "an error" >&2
		case $event in
		'"crash"') exit 3 ;;
		'"hang"') exec sleep 1000 ;;
		'"partial"') printf 'no end'; exit 4 ;;
		esac
		answer '"done"'
	done`

// told starts the function with its events collected, makes an invocation of
// each payload and stops.
func told(t *testing.T, f local.Function, payloads ...string) ([]telemetry.Event, []local.Response) {
	t.Helper()
	all := newEvents()
	f.Events = all.sink
	e, err := local.Start(bounded(t), f)
	if failure := new(local.InitError); errors.As(err, &failure) {
		return all.list(), nil
	}
	require.NoError(t, err)
	var responses []local.Response
	for _, payload := range payloads {
		r, err := e.Invoke(bounded(t), []byte(payload))
		require.NoError(t, err)
		responses = append(responses, r)
	}
	require.NoError(t, e.Stop(context.Background()))
	return all.list(), responses
}

// The events of a life cycle, in order.
func TestEvents(t *testing.T) {
	t.Parallel()
	const fine = `register '"INVOKE","SHUTDOWN"'; loop`
	init := []string{"initStart", `function "starting"`, "initRuntimeDone", "extension", "initReport"}
	again := append([]string(nil), init...)
	invoke := func(payload string, rest ...string) []string {
		return append([]string{"start", `function "got \"` + payload + `\""`, `function "an error"`}, append(rest, "runtimeDone", "report")...)
	}
	join := func(lists ...[]string) (all []string) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	tests := []struct {
		name, runtime, extension string
		payloads                 []string
		timeout                  time.Duration
		want                     []string
		statuses                 []string // of initReport, runtimeDone and report, with their error types
	}{
		{name: "success", runtime: say, extension: fine, payloads: []string{`"a"`, `"b"`}, want: join(init, invoke("a"), invoke("b")),
			statuses: []string{"success", "success", "success", "success", "success"}},
		{name: "crash and reset", runtime: say, extension: fine, payloads: []string{`"crash"`, `"b"`}, want: join(init, invoke("crash"), again, invoke("b")),
			statuses: []string{"success", "error Runtime.ExitError", "error Runtime.ExitError", "success", "success", "success"}},
		{name: "a last line without an end", runtime: say, extension: fine, payloads: []string{`"partial"`}, want: join(init, invoke("partial", `function "no end"`)),
			statuses: []string{"success", "error Runtime.ExitError", "error Runtime.ExitError"}},
		{name: "timeout", runtime: say, extension: fine, payloads: []string{`"hang"`}, timeout: time.Second, want: join(init, invoke("hang")),
			statuses: []string{"success", "timeout", "timeout"}},
		{name: "extension crash", runtime: say, extension: `register '"INVOKE"'; next; exit 9`, payloads: []string{`"hang"`}, want: nil,
			statuses: []string{"success", "error Extension.Crash", "error Extension.Crash"}},
		{name: "init error", runtime: `echo starting; exit 7`, extension: fine, want: init, statuses: []string{"error Runtime.ExitError"}},
		{name: "extension init error", runtime: say, extension: `register; report init A.B; exit 1`, want: nil,
			statuses: []string{"error Extension.InitError"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := with(t, &outputs{}, map[string]string{"x": quiet(test.extension)})
			f.Command, f.Mounts = []string{"/bin/bash", "-c", test.runtime}, nil
			var one buffer // stream, or the lines would have no order
			f.Stdout, f.Stderr = &one, &one
			if test.timeout != 0 {
				f.Timeout = test.timeout
			}
			all, _ := told(t, f, test.payloads...)
			if test.want != nil {
				assert.Equal(t, test.want, types(all))
			}
			var statuses []string
			for i, e := range all {
				if i > 0 {
					assert.False(t, e.Time.Before(all[i-1].Time) && e.IsPlatform() && all[i-1].IsPlatform(), "the order is that of the times")
				}
				var status, errorType string
				switch e.Type {
				case telemetry.TypeInitReport:
					v := decoded[telemetry.Phase](t, e)
					status, errorType = v.Status, v.ErrorType
				case telemetry.TypeRuntimeDone, telemetry.TypeReport:
					v := decoded[telemetry.Invocation](t, e)
					status, errorType = v.Status, v.ErrorType
				default:
					continue
				}
				if errorType != "" {
					status += " " + errorType
				}
				statuses = append(statuses, status)
			}
			assert.Equal(t, test.statuses, statuses)
		})
	}
}

func TestEventRecords(t *testing.T) {
	t.Parallel()
	f := with(t, &outputs{}, map[string]string{"x.sh": quiet(both)})
	f.Command, f.Mounts = []string{"/bin/bash", "-c", say}, nil
	f.MemoryMB = 512
	all, responses := told(t, f, `"a"`)
	r := responses[0]
	figure := func(v *float64) float64 {
		require.NotNil(t, v)
		return *v
	}
	assert.Equal(t, telemetry.Phase{InitializationType: "on-demand", Phase: "init", FunctionName: "greet", FunctionVersion: "$LATEST", InstanceMaxMemory: 512},
		record[telemetry.Phase](t, all, telemetry.TypeInitStart))
	assert.Equal(t, telemetry.Phase{InitializationType: "on-demand", Phase: "init", Status: "success"},
		record[telemetry.Phase](t, all, telemetry.TypeInitRuntimeDone))
	initReport := record[telemetry.Phase](t, all, telemetry.TypeInitReport)
	assert.Equal(t, "success", initReport.Status)
	assert.Positive(t, figure(initReport.Metrics.DurationMs))
	assert.Equal(t, telemetry.Extension{Name: "x.sh", State: "Ready", Events: []string{"INVOKE", "SHUTDOWN"}},
		record[telemetry.Extension](t, all, telemetry.TypeExtension))
	tracing := &telemetry.Tracing{Type: "X-Amzn-Trace-Id", Value: r.TraceHeader}
	assert.Equal(t, telemetry.Invocation{RequestID: r.RequestID, Version: "$LATEST", Tracing: tracing},
		record[telemetry.Invocation](t, all, telemetry.TypeStart))

	done := record[telemetry.Invocation](t, all, telemetry.TypeRuntimeDone)
	assert.Equal(t, r.RequestID, done.RequestID)
	assert.Equal(t, tracing, done.Tracing)
	assert.Equal(t, 6.0, figure(done.Metrics.ProducedBytes))
	assert.InDelta(t, r.Duration.Seconds()*1000, figure(done.Metrics.DurationMs), 0.001)
	var names []string
	var sum float64
	for _, span := range done.Spans {
		names = append(names, span.Name)
		sum += span.DurationMs
		assert.False(t, span.Start.IsZero())
	}
	assert.Equal(t, []string{"responseLatency", "responseDuration", "runtimeOverhead"}, names)
	assert.InDelta(t, *done.Metrics.DurationMs, sum, 0.01, "the spans are all of it")

	report := record[telemetry.Invocation](t, all, telemetry.TypeReport)
	assert.Equal(t, tracing, report.Tracing)
	assert.GreaterOrEqual(t, figure(report.Metrics.DurationMs), *done.Metrics.DurationMs)
	assert.Equal(t, math.Ceil(*report.Metrics.DurationMs), figure(report.Metrics.BilledDurationMs))
	assert.Equal(t, 512.0, figure(report.Metrics.MemorySizeMB))
	assert.Greater(t, figure(report.Metrics.MaxMemoryUsedMB), 3.0, "two shells and more")
	assert.Less(t, *report.Metrics.MaxMemoryUsedMB, 200.0)
	assert.Equal(t, *initReport.Metrics.DurationMs, figure(report.Metrics.InitDurationMs))
	require.Len(t, report.Spans, 1)
	assert.Equal(t, "extensionOverhead", report.Spans[0].Name)
}

// An init that takes too long and the one that the first invocation makes.
func TestSuppressedInitEvents(t *testing.T) {
	t.Parallel()
	f := with(t, &outputs{}, map[string]string{"x": quiet(`[[ -e /tmp/again ]] || { touch /tmp/again; exec sleep 1000; }; ` + both)})
	f.TmpSize = 1 << 20
	f.InitTimeout = 300 * time.Millisecond
	all, responses := told(t, f, `{"Do":"echo","Arg":"1"}`)
	assert.Equal(t, []string{"initStart", "extension", "initReport", "initStart", "initRuntimeDone", "extension", "initReport", "start", "runtimeDone", "report"}, types(all))
	var reports []telemetry.Phase
	for _, e := range of(all, telemetry.TypeInitReport) {
		reports = append(reports, decoded[telemetry.Phase](t, e))
	}
	require.Len(t, reports, 2)
	assert.Equal(t, []string{"init", "timeout"}, []string{reports[0].Phase, reports[0].Status})
	assert.Equal(t, []string{"invoke", "success"}, []string{reports[1].Phase, reports[1].Status})
	report := record[telemetry.Invocation](t, all, telemetry.TypeReport)
	assert.Nil(t, report.Metrics.InitDurationMs, "it is part of the duration")
	assert.GreaterOrEqual(t, *report.Metrics.DurationMs, responses[0].Init.Seconds()*1000)
}
