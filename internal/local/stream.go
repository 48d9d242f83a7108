package local

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// An api is one of the two under which an extension can subscribe. Their
// events differ in a few types.
type api string

const (
	telemetryAPI api = "Telemetry"
	logsAPI      api = "Logs"
)

// Types of events that package telemetry does not have: they are the Logs API's.
const (
	typeEnd              = "platform.end"
	typeFault            = "platform.fault"
	typeLogsSubscription = "platform.logsSubscription"
)

// An emitted is an event with what decides who gets it, and how.
type emitted struct {
	telemetry.Event
	// text is the record for subscribers to whom a line of output is always a
	// string; nil: Record.
	text json.RawMessage
	// only is the API whose subscribers alone get it; "" are both.
	only api
}

// A stream is the telemetry of an environment through all its generations:
// it puts the events in one order and hands them to the subscribers, whose
// deliveries are made elsewhere. Its lock may be taken while a generation's is
// held, never the other way round.
type stream struct {
	sink func(telemetry.Event) // may be nil

	mu          sync.Mutex
	open        bool // it is the time to subscribe
	keeping     bool // events are kept for those who may subscribe
	kept        []emitted
	keptBytes   int
	lost        map[string]tally // of what kept had no room for, by category
	subscribers []*subscriber
	peakMB      int // the highest memory figure so far
	// What no report has told of yet.
	initTook, restoreTook time.Duration
}

// A tally counts records.
type tally struct{ records, bytes int }

func newStream(sink func(telemetry.Event)) *stream {
	return &stream{sink: sink, keeping: true, lost: make(map[string]tally)}
}

// emit passes events on.
func (s *stream) emit(entries ...emitted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.pass(e)
	}
}

// pass is emit for those who hold mu.
func (s *stream) pass(e emitted) {
	if s.sink != nil && (e.only != logsAPI || e.Type == typeLogsSubscription) {
		s.sink(e.Event)
	}
	if s.keeping {
		s.keep(e)
	}
	for _, sub := range s.subscribers {
		sub.take(e)
	}
}

func (s *stream) keep(e emitted) {
	if size := e.Size() + len(e.text); len(s.kept) < maxQueued && s.keptBytes+size <= maxQueuedBytes {
		s.kept = append(s.kept, e)
		s.keptBytes += size
		return
	}
	lost := s.lost[category(e.Type)]
	s.lost[category(e.Type)] = tally{lost.records + 1, lost.bytes + len(e.Record)}
}

// heard tells whether it makes a difference to emit something.
func (s *stream) heard() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sink != nil || s.keeping || len(s.subscribers) > 0
}

// begin lets extensions subscribe, until seal or end.
func (s *stream) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
}

// seal ends the time to subscribe, and with it the need to keep events.
func (s *stream) seal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
	s.forget()
	s.keeping = false
}

func (s *stream) forget() {
	s.kept, s.keptBytes = nil, 0
	clear(s.lost)
}

// Why a subscription is refused.
var (
	errClosed     = errors.New("subscription is closed")
	errDuplicate  = errors.New("subscribed already")
	errOtherAPI   = errors.New("subscribed to the other API already")
	errNoListener = errors.New("closed before it was delivered")
)

// subscribe starts to deliver to the extension name, beginning with what it
// has missed.
func (s *stream) subscribe(name string, wanted subscription) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return errClosed
	}
	for _, sub := range s.subscribers {
		if sub.name == name {
			if sub.api != wanted.api {
				return errOtherAPI
			}
			return errDuplicate
		}
	}
	sub := newSubscriber(s, name, wanted)
	for _, e := range s.kept {
		sub.take(e)
	}
	for of, lost := range s.lost {
		if wanted.types[of] {
			sub.lost.records += lost.records
			sub.lost.bytes += lost.bytes
		}
	}
	s.subscribers = append(s.subscribers, sub)
	s.pass(subscribed(name, wanted))
	go sub.run()
	return nil
}

// freeze stops all deliveries, or lets them go on.
func (s *stream) freeze(frozen bool) {
	for _, sub := range s.all() {
		sub.freeze(frozen)
	}
}

// flush has everything delivered that there is, and waits for it, until a
// delivery fails or ctx ends.
func (s *stream) flush(ctx context.Context) {
	var all sync.WaitGroup
	for _, sub := range s.all() {
		all.Go(func() { sub.flush(ctx) })
	}
	all.Wait()
}

// end ends all subscriptions. From now on events are kept for the next generation.
func (s *stream) end() {
	ended := s.all()
	for _, sub := range ended {
		sub.close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range ended {
		if left := sub.left(); left.records > 0 && s.sink != nil {
			s.sink(dropped(left, errNoListener.Error()).Event)
		}
	}
	s.subscribers, s.open = nil, false
	s.forget()
	s.keeping = true
}

func (s *stream) all() []*subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscribers[:len(s.subscribers):len(s.subscribers)]
}

// category is what a subscriber has to ask for to get events of the type.
func category(kind string) string {
	if strings.HasPrefix(kind, "platform.") {
		return "platform"
	}
	return kind
}
