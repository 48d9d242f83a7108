package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// Here is what becomes platform events of the life cycle. The order is that of
// AWS's emulator: a suppressed init comes before the platform.start of its
// invocation, and an invocation that fails is reported before the reset, so
// that the last flush has it.

// verdict returns what the records say of a phase or an invocation that ended
// with err.
func verdict(err error) (status, errorType string) {
	var found *fault
	switch {
	case err == nil:
		return statusSuccess, ""
	case errors.As(err, &found) && strings.HasPrefix(found.errorType, "Sandbox."):
		return statusFailure, found.errorType
	case errors.As(err, &found):
		return statusError, found.errorType
	case errors.Is(err, context.DeadlineExceeded):
		return statusTimeout, ""
	default:
		return statusFailure, "Sandbox.Failure"
	}
}

// initStarted says that an init begins.
func (g *generation) initStarted() {
	g.initBegan = time.Now()
	g.telemetry.begin()
	g.telemetry.emit(eventOf(telemetryAPI, telemetry.TypeInitStart, initStartRecord{
		InitializationType: g.function.InitType, Phase: g.phase,
		FunctionName: g.function.Name, FunctionVersion: functionVersion, InstanceMaxMemory: g.instanceMemory(),
	}))
}

// initRuntimeDone says that the runtime has asked for its first event, or how
// it failed to. It passes err on.
func (g *generation) initRuntimeDone(err error) error {
	g.stage.drain()
	g.telemetry.emit(eventOf(telemetryAPI, telemetry.TypeInitRuntimeDone, g.phaseRecord(err)))
	return err
}

// initReported says how the init went, for each extension and as a whole.
// With it the time to subscribe is over.
func (g *generation) initReported(err error) {
	took := time.Since(g.initBegan)
	g.stage.drain()
	entries := g.extensions()
	record := g.phaseRecord(err)
	record.Metrics = &metricsRecord{DurationMs: millis(took)}
	g.telemetry.emit(append(entries, eventOf(telemetryAPI, telemetry.TypeInitReport, record))...)
	g.telemetry.seal()
	if err != nil || g.phase != phaseInit {
		took = 0 // no cold start, or part of the invocation
	}
	g.telemetry.initialized(took)
	g.telemetry.memory(g.stage.peakMemory())
	if g.function.Inits != nil {
		g.function.Inits(g.parts())
	}
}

// extensions returns how the init went for each extension.
func (g *generation) extensions() (entries []emitted) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.agents {
		record := extensionRecord{
			Name: a.name, State: string(a.state), Events: slices.AppendSeq([]string{}, maps.Keys(a.events)), ErrorType: a.errorType,
		}
		slices.Sort(record.Events)
		if f := g.fault; f != nil && a.process != nil && f.exit == &a.process.exit {
			record.ErrorType = or(record.ErrorType, f.errorType)
		}
		entries = append(entries, event(telemetry.TypeExtension, record))
	}
	return entries
}

func (g *generation) phaseRecord(err error) phaseRecord {
	status, errorType := verdict(err)
	return phaseRecord{InitializationType: g.function.InitType, Phase: g.phase, Status: status, ErrorType: errorType}
}

// restoreStarted says that a snapshot is being restored.
func (g *generation) restoreStarted() {
	g.telemetry.emit(eventOf(telemetryAPI, telemetry.TypeRestoreStart, restoreStartRecord{
		FunctionName: g.function.Name, FunctionVersion: functionVersion, InstanceMaxMemory: g.instanceMemory(),
	}))
}

// restoreDone says that the runtime has been restored, in so long, or how it
// failed to be. The next report has the duration.
func (g *generation) restoreDone(took time.Duration, err error) {
	g.stage.drain()
	status, errorType := verdict(err)
	record := phaseRecord{Status: status, ErrorType: errorType}
	done := eventOf(telemetryAPI, telemetry.TypeRestoreRuntimeDone, record)
	record.Metrics = &metricsRecord{DurationMs: millis(took)}
	g.telemetry.emit(done, eventOf(telemetryAPI, telemetry.TypeRestoreReport, record))
	if err == nil {
		g.telemetry.restored(took)
	}
}

// invocationStarted says that inv begins.
func (g *generation) invocationStarted(inv *invocation) {
	record := startRecord{RequestID: inv.id, Version: functionVersion, Tracing: inv.tracing()}
	if g.function.InitType == ManagedInstances {
		record.FunctionARN = inv.arn
	}
	g.telemetry.emit(event(telemetry.TypeStart, record))
}

// runtimeDone says that the runtime is through with inv, or what ended it. It
// passes err on.
func (g *generation) runtimeDone(inv *invocation, err error) error {
	if g.function.InitType == ManagedInstances || !g.telemetry.heard() {
		return err
	}
	at := time.Now()
	g.stage.drain()
	record := invocationRecord{RequestID: inv.id, Tracing: inv.tracing()}
	record.Status, record.ErrorType = verdict(err)
	if !inv.delivered.IsZero() {
		g.mu.Lock()
		if inv.took > 0 {
			at = inv.delivered.Add(inv.took)
		}
		produced := float64(inv.produced())
		record.Metrics = &metricsRecord{DurationMs: millis(at.Sub(inv.delivered)), ProducedBytes: &produced}
		record.Spans = inv.spans()
		g.mu.Unlock()
		inv.runtimeDone = at
	}
	slim := endOf(inv, record.Status)
	g.telemetry.emit(eventOf(telemetryAPI, telemetry.TypeRuntimeDone, record), slim)
	return err
}

// endOf is platform.runtimeDone as the Logs API has it.
func endOf(inv *invocation, status string) emitted {
	if status == statusError {
		status = statusFailure
	}
	return eventOf(logsAPI, telemetry.TypeRuntimeDone, struct {
		RequestID string `json:"requestId"`
		Status    string `json:"status"`
	}{inv.id, status})
}

// invocationReported says how inv went as a whole.
func (g *generation) invocationReported(inv *invocation, err error) {
	if !g.telemetry.heard() {
		return
	}
	end := time.Now()
	g.stage.drain()
	record := invocationRecord{RequestID: inv.id, Tracing: inv.tracing()}
	record.Status, record.ErrorType = verdict(err)
	var found *fault
	if errors.As(err, &found) {
		text := fmt.Sprintf("RequestId: %s Error: %s\n%s", inv.id, found.message, found.errorType)
		g.telemetry.emit(eventOf(logsAPI, typeFault, text))
	}
	took := end.Sub(inv.began(g.function.Timeout))
	if g.function.InitType == ManagedInstances {
		record.Metrics = &metricsRecord{DurationMs: millis(took)}
		g.mu.Lock()
		record.Spans = slices.DeleteFunc(inv.spans(), func(s spanRecord) bool { return s.Name == "runtimeOverhead" })
		g.mu.Unlock()
	} else {
		record.Metrics = g.telemetry.metrics(took, g.function.MemoryMB, g.stage.peakMemory())
		if !inv.runtimeDone.IsZero() && g.hasExtensions() {
			record.Spans = []spanRecord{span("extensionOverhead", inv.runtimeDone, end)}
		}
	}
	g.telemetry.emit(eventOf(logsAPI, typeEnd, endRecord{inv.id}), event(telemetry.TypeReport, record))
}

// began returns when the environment took up inv: an init of its own is part of it.
func (inv *invocation) began(timeout time.Duration) time.Time { return inv.deadline.Add(-timeout) }
