package timeline

import (
	"math"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// none is the index of no phase.
const none = -1

// A builder adds up events.
type builder struct {
	Timeline
	init, restore int            // indices of the open phases
	invocations   map[string]int // by request id
	inits         []Init         // those not used yet
	before        float64        // milliseconds of the init within the invocation that comes next
}

func (b *builder) open(p Phase) int {
	if p.Bars == nil {
		p.Bars = []Bar{} // in JSON a list, never null
	}
	b.Phases = append(b.Phases, p)
	return len(b.Phases) - 1
}

func (b *builder) add(event telemetry.Event) {
	record, err := event.Decode()
	if err != nil {
		return
	}
	switch r := record.(type) {
	case telemetry.Phase:
		b.phase(event, r)
	case telemetry.Invocation:
		b.invocation(event, r)
	case telemetry.Extension:
		if b.init != none {
			b.Phases[b.init].bar(r.Name, event.Time, r.ErrorType != "")
		}
	case telemetry.LogsDropped:
		b.Dropped.Records += r.Records
		b.Dropped.Bytes += r.Bytes
	}
}

func (b *builder) phase(event telemetry.Event, r telemetry.Phase) {
	switch event.Type {
	case telemetry.TypeInitStart:
		b.init = b.open(Phase{Name: "init", InitType: r.InitializationType, Again: r.Phase == "invoke", Start: event.Time})
	case telemetry.TypeRestoreStart:
		b.restore = b.open(Phase{Name: "restore", Start: event.Time})
	case telemetry.TypeInitRuntimeDone:
		b.runtimeDone(b.init, event.Time, r)
	case telemetry.TypeRestoreRuntimeDone:
		b.runtimeDone(b.restore, event.Time, r)
	case telemetry.TypeInitReport:
		b.report(b.init, event.Time, r)
		b.initOver()
	case telemetry.TypeRestoreReport:
		b.report(b.restore, event.Time, r)
		b.restore = none
	}
}

// initOver takes what is known besides the events.
func (b *builder) initOver() {
	if b.init == none {
		return
	}
	p := &b.Phases[b.init]
	b.init = none
	if p.Again {
		b.before = p.DurationMs
	}
	if len(b.inits) == 0 {
		return
	}
	known := b.inits[0]
	b.inits = b.inits[1:]
	p.Bars = p.Bars[:0]
	for _, part := range known.Parts {
		bar := Bar{Name: part.Name, StartMs: since(known.Began, part.Began), EndMs: since(known.Began, part.Ready)}
		if part.Ready.IsZero() {
			bar.EndMs, bar.Failed = p.DurationMs, p.failed()
		}
		p.Bars = append(p.Bars, bar)
	}
}

func (b *builder) runtimeDone(at int, end time.Time, r telemetry.Phase) {
	if at != none {
		b.Phases[at].bar("runtime", end, r.Status != "success")
	}
}

func (b *builder) report(at int, end time.Time, r telemetry.Phase) {
	if at == none {
		return
	}
	p := &b.Phases[at]
	p.Status, p.ErrorType = r.Status, r.ErrorType
	p.DurationMs = since(p.Start, end)
	if r.Metrics.DurationMs != nil {
		p.DurationMs = *r.Metrics.DurationMs
	}
}

func (b *builder) invocation(event telemetry.Event, r telemetry.Invocation) {
	at, ok := b.invocations[r.RequestID]
	if !ok {
		at = b.open(Phase{Name: "invoke", RequestID: r.RequestID, Start: event.Time, initMs: b.before})
		b.before = 0
		b.invocations[r.RequestID] = at
	}
	p := &b.Phases[at]
	if event.Type == telemetry.TypeStart {
		return
	}
	p.Status, p.ErrorType = r.Status, r.ErrorType
	if event.Type == telemetry.TypeRuntimeDone && r.Metrics.DurationMs != nil {
		p.Bars = append(p.Bars, Bar{Name: "runtime", EndMs: *r.Metrics.DurationMs, Failed: p.failed()})
	}
	for _, span := range r.Spans {
		p.span(span)
	}
	if event.Type == telemetry.TypeReport {
		if r.Metrics.DurationMs != nil {
			// The init stands above, as a phase of its own.
			p.DurationMs = max(sum(*r.Metrics.DurationMs, -p.initMs), 0)
		}
		b.Memory.use(r.Metrics)
	}
	for _, bar := range p.Bars {
		p.DurationMs = max(p.DurationMs, bar.EndMs)
	}
}

// bar adds what began with the phase and ended at end.
func (p *Phase) bar(name string, end time.Time, failed bool) {
	p.Bars = append(p.Bars, Bar{Name: name, EndMs: since(p.Start, end), Failed: failed})
}

// follows names the bar at whose end a span begins.
var follows = map[string]string{
	"responseDuration": "responseLatency", "runtimeOverhead": "responseDuration", "extensionOverhead": "runtime",
}

// span adds a span of the telemetry. One without a time begins where the last
// one ended. One that follows another begins at its end: its time is in whole
// milliseconds, and would have the two overlap.
func (p *Phase) span(s telemetry.Span) {
	start := since(p.Start, s.Start)
	if s.Start.IsZero() && len(p.Bars) > 0 {
		start = p.Bars[len(p.Bars)-1].EndMs
	}
	for _, bar := range p.Bars {
		if bar.Name == follows[s.Name] && math.Abs(start-bar.EndMs) < 2 {
			start = bar.EndMs
		}
	}
	p.Bars = append(p.Bars, Bar{Name: s.Name, StartMs: start, EndMs: sum(start, max(s.DurationMs, 0))})
}

func (m *Memory) use(metrics telemetry.Metrics) {
	if used := metrics.MaxMemoryUsedMB; used != nil {
		m.MaxUsedMB = max(m.MaxUsedMB, *used)
	}
	if size := metrics.MemorySizeMB; size != nil {
		m.SizeMB = *size
	}
}
