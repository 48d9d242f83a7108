package export

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/guard"
	"github.com/graft-lambda/graft/internal/telemetry"
)

// A Mode says when events are sent.
type Mode int

const (
	// Async never holds an invocation: events are sent when the invocation is
	// over, when a second has passed or a batch is full; after a freeze, with
	// what comes next.
	Async Mode = iota
	// End sends what was accepted before the environment can freeze.
	End
	// Timed is for an environment that never freezes and has many invocations
	// at once: events are sent when a second has passed or a batch is full.
	Timed
)

// Config is how a pipeline works. The zero value is usable.
type Config struct {
	Mode   Mode
	Limits Limits // of each exporter's queue
	Clock  Clock  // the zero value is SystemClock
	// Hold is how long sending may hold an invocation that is over; 2 s if 0.
	Hold time.Duration
	// Log takes lines about exporters that fail, at most one a minute for each.
	Log func(line string)
}

// A Pipeline sends events to several exporters at once. Its methods are safe
// for concurrent use.
type Pipeline struct {
	mode   Mode
	hold   time.Duration
	lanes  []*lane
	ends   *ends
	cancel context.CancelFunc
}

// New starts a pipeline. It ends with Close.
func New(cfg Config, exporters ...Exporter) *Pipeline {
	if cfg.Clock.Now == nil {
		cfg.Clock = SystemClock()
	}
	if cfg.Hold == 0 {
		cfg.Hold = 2 * time.Second
	}
	lines := telemetry.NewThrottle(cfg.Log, time.Minute, cfg.Clock.Now)
	fail := func(name string, err error) {
		text := "telemetry: " + name + ": " + err.Error()
		if errors.As(err, new(overflow)) {
			name += ": overflow" // a kind of its own
		}
		if later := new(Later); errors.As(err, &later) {
			text += "; will try again"
		}
		lines.Say(name, text)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pipeline{mode: cfg.Mode, hold: cfg.Hold, cancel: cancel, ends: newEnds(cfg.Clock)}
	for _, exporter := range exporters {
		lane := newLane(exporter, cfg.Limits, cfg.Clock, fail)
		p.lanes = append(p.lanes, lane)
		go func() {
			// Without its lane an exporter's events are counted as unsent.
			if err := guard.Call(func() error { lane.run(ctx); return nil }); err != nil {
				fail(lane.stats.Exporter, err)
			}
		}()
	}
	return p
}

// Add takes in events; it is what a [telemetry.Receiver] wants as Accept. It
// never blocks. The events must not be modified afterwards.
func (p *Pipeline) Add(events []telemetry.Event) {
	over := false
	var begun, ended []string
	for _, event := range events {
		switch event.Type {
		case telemetry.TypeStart:
			begun = append(begun, requestID(event))
		case telemetry.TypeRuntimeDone:
			over = true
			ended = append(ended, requestID(event))
		case telemetry.TypeReport:
			over = true
		}
	}
	for _, lane := range p.lanes {
		lane.add(events, over && p.mode == Async)
	}
	p.ends.note(begun, ended)
}

func requestID(event telemetry.Event) string {
	record, err := event.Decode()
	if invocation, ok := record.(telemetry.Invocation); ok && err == nil {
		return invocation.RequestID
	}
	return ""
}

// Ended is to be called when an invocation has begun, and returns when it is
// over and the environment may freeze. With [End] it waits until the runtime's
// end of the invocation has been accepted, then flushes, for Hold at most. It
// returns when ctx ends, whatever is left.
//
// Of an invocation whose start does not come soon either, no end is waited for:
// telemetry is not delivered. If an end did not come in time, none is waited
// for before the next one has come.
func (p *Pipeline) Ended(ctx context.Context, requestID string) error {
	if p.mode != End {
		return nil
	}
	err := p.ends.await(ctx, requestID)
	ctx, cancel := context.WithTimeout(ctx, p.hold)
	defer cancel()
	return errors.Join(err, p.Flush(ctx))
}

// Flush sends what was accepted until now, by all exporters at once, until ctx
// ends. An exporter that has just failed, or that a Flush has waited for in
// vain, is not waited for again before it has succeeded.
func (p *Pipeline) Flush(ctx context.Context) error {
	errs := make([]error, len(p.lanes))
	p.each(func(i int, lane *lane) { errs[i] = lane.flush(ctx) })
	return errors.Join(errs...)
}

// Close sends what is left, until ctx ends or an exporter has failed several
// times, and ends the pipeline. What is added later counts as unsent.
func (p *Pipeline) Close(ctx context.Context) Stats {
	stats := make(Stats, len(p.lanes))
	p.each(func(i int, lane *lane) { stats[i] = lane.close(ctx, p.cancel) })
	p.cancel()
	return stats
}

// Stats counts what has happened so far.
func (p *Pipeline) Stats() Stats {
	stats := make(Stats, len(p.lanes))
	for i, lane := range p.lanes {
		stats[i] = lane.snapshot()
	}
	return stats
}

func (p *Pipeline) each(do func(int, *lane)) {
	var all sync.WaitGroup
	for i, lane := range p.lanes {
		all.Go(func() { _ = guard.Call(func() error { do(i, lane); return nil }) })
	}
	all.Wait()
}
