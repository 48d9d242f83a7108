package local

import "time"

// Here are the figures in the records of report.go: parts of an invocation,
// bytes, memory, and the durations that the next report tells of.

func (g *generation) hasExtensions() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.agents) > 0
}

// spans returns the parts that the invocation had in the runtime, as far as it
// came. The caller holds the generation's mu.
func (inv *invocation) spans() (spans []spanRecord) {
	if inv.responding.IsZero() {
		return nil
	}
	spans = append(spans, span("responseLatency", inv.delivered, inv.responding))
	select {
	case <-inv.settled:
	default:
		return spans
	}
	answered := inv.delivered.Add(inv.answered)
	spans = append(spans, span("responseDuration", inv.responding, answered))
	if inv.over {
		spans = append(spans, span("runtimeOverhead", answered, inv.delivered.Add(inv.took)))
	}
	return spans
}

// produced returns how many bytes the runtime has answered.
func (inv *invocation) produced() int {
	select {
	case <-inv.settled:
		return len(inv.outcome.body)
	default:
		return 0
	}
}

// instanceMemory is in MB, but on Managed Instances in bytes.
func (g *generation) instanceMemory() int {
	if g.function.InitType == ManagedInstances {
		return g.function.MemoryMB << 20
	}
	return g.function.MemoryMB
}

// initialized and restored take what the next report tells of a cold start.
func (s *stream) initialized(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.initTook = took
}

func (s *stream) restored(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What was done for the snapshot is not part of this start.
	s.restoreTook, s.initTook = took, 0
}

// memory takes a figure and returns the highest so far, in MB rounded up.
func (s *stream) memory(bytes int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peakMB = max(s.peakMB, int((bytes+1<<20-1)>>20))
	return s.peakMB
}

// metrics returns those of the report of an invocation that took so long.
func (s *stream) metrics(took time.Duration, memoryMB int, peak int64) *metricsRecord {
	m := &metricsRecord{
		DurationMs: millis(took), BilledDurationMs: billed(took),
		MemorySizeMB: memoryMB, MaxMemoryUsedMB: s.memory(peak),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.InitDurationMs, m.RestoreDurationMs = millis(s.initTook), millis(s.restoreTook)
	s.initTook, s.restoreTook = 0, 0
	return m
}
