package local

import (
	"context"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// The limits of what waits to be delivered to one subscriber. Beyond them what
// comes is dropped, and counted.
const (
	maxQueued      = 100_000  // records
	maxQueuedBytes = 32 << 20 // as they are sent
)

// droppedReason is Lambda's own wording.
const droppedReason = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."

// A subscriber is a subscription with what waits to be delivered. Records
// leave the queue only when they have been delivered.
type subscriber struct {
	subscription
	name   string
	stream *stream
	target destination
	wake   chan struct{} // has an element if there is something to look at
	ctx    context.Context
	cancel context.CancelFunc
	over   chan struct{} // closed when run has returned

	mu       sync.Mutex
	queue    []item
	bytes    int
	lost     tally       // since the last notice
	frozen   bool        // nobody would answer
	patience *time.Timer // of the delivery under way; nil: none
	retry    time.Duration
	retryAt  time.Time

	flushing bool // nothing waits for company any more
	final    int  // how many of queue, counted from its head, flush waits for
	flushed  chan struct{}
}

// An item is a record as it is sent.
type item struct {
	text []byte
	at   time.Time // since when it is in the queue
}

func newSubscriber(s *stream, name string, wanted subscription) *subscriber {
	sub := &subscriber{
		subscription: wanted, name: name, stream: s, target: wanted.open(),
		wake: make(chan struct{}, 1), over: make(chan struct{}), flushed: make(chan struct{}),
	}
	sub.ctx, sub.cancel = context.WithCancel(context.Background())
	return sub
}

// take puts an event into the queue, if the subscriber wants it. The caller
// holds the stream's mu.
func (s *subscriber) take(e emitted) {
	if !s.wants(e) {
		return
	}
	text := s.encode(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= maxQueued || s.bytes+len(text) > maxQueuedBytes {
		s.lost.records++
		s.lost.bytes += len(text)
		return
	}
	s.own()
	s.push(text)
}

// own tells, where they would have stood, how many records were dropped. This
// notice itself is never dropped, so that it cannot beget another. It returns
// whether the subscriber gets one. The caller holds mu and the stream's.
func (s *subscriber) own() bool {
	if s.lost.records == 0 {
		return false
	}
	notice := dropped(s.lost, droppedReason)
	s.lost = tally{}
	if s.stream.sink != nil {
		s.stream.sink(notice.Event)
	}
	if !s.wants(notice) {
		return false
	}
	s.push(s.encode(notice))
	return true
}

func (s *subscriber) push(text []byte) {
	s.queue = append(s.queue, item{text, time.Now()})
	s.bytes += len(text)
	s.kick()
}

func (s *subscriber) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// release lets flush go.
func (s *subscriber) release() {
	select {
	case <-s.flushed:
	default:
		close(s.flushed)
	}
}

func (s *subscriber) freeze(frozen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = frozen
	switch {
	case s.patience == nil:
	case frozen:
		s.patience.Stop()
	default:
		s.patience.Reset(deliveryBound)
	}
	if !frozen {
		s.retryAt = time.Time{}
		s.kick()
	}
}

// flush is called at most once.
func (s *subscriber) flush(ctx context.Context) {
	s.mu.Lock()
	s.flushing, s.retryAt, s.final = true, time.Time{}, len(s.queue)
	if s.final == 0 {
		s.release()
	}
	s.kick()
	s.mu.Unlock()
	select {
	case <-s.flushed:
	case <-ctx.Done():
	}
}

// close ends the deliveries.
func (s *subscriber) close() {
	s.cancel()
	<-s.over
}

// left returns what flush waited for in vain, once all is closed, and what was
// dropped without a notice.
func (s *subscriber) left() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.lost
	for _, item := range s.queue[:s.final] {
		left.records++
		left.bytes += len(item.text)
	}
	return left
}

// wants tells whether e is among what has been subscribed to.
func (s *subscriber) wants(e emitted) bool {
	if e.only != "" && e.only != s.api || !s.types[category(e.Type)] {
		return false
	}
	return e.Type != telemetry.TypeRuntimeDone || s.schema != logsSchema1
}

// encode returns e as the schema of the subscription has it.
func (s *subscriber) encode(e emitted) []byte {
	record := e.Record
	if e.text != nil && !s.objects() {
		record = e.text
	}
	b := make([]byte, 0, len(`{"time":"","type":"","record":}`)+len(timeFormat)+len(e.Type)+len(record))
	b = append(b, `{"time":"`...)
	b = e.Time.UTC().AppendFormat(b, timeFormat)
	b = append(b, `","type":"`...)
	b = append(b, e.Type...) // one of ours: letters and a dot
	b = append(b, `","record":`...)
	b = append(b, record...)
	return append(b, '}')
}
