package export

import "github.com/graft-lambda/graft/internal/telemetry"

// Limits bound one lane. A zero field has the default.
type Limits struct {
	Items      int // events in the queue; 20,000
	Bytes      int // their size, about; 4 MiB
	BatchItems int // events in one attempt to send; 1,000
	BatchBytes int // their size, about; 512 KiB
}

func (l Limits) orDefault() Limits {
	for _, field := range []struct {
		value *int
		or    int
	}{{&l.Items, 20_000}, {&l.Bytes, 4 << 20}, {&l.BatchItems, 1000}, {&l.BatchBytes, 512 << 10}} {
		if *field.value <= 0 {
			*field.value = field.or
		}
	}
	return l
}

// A queue holds events up to its limits. It is not safe for concurrent use.
type queue struct {
	limits Limits
	events []telemetry.Event
	bytes  int
}

// push adds an event and returns how many were dropped for it.
func (q *queue) push(event telemetry.Event) (dropped int) {
	q.events = append(q.events, event)
	q.bytes += event.Size()
	return q.trim()
}

// unpop puts events back in front, and returns how many of the oldest do not
// fit there any more.
func (q *queue) unpop(events []telemetry.Event) (dropped int) {
	all := make([]telemetry.Event, 0, len(events)+len(q.events))
	q.events = append(append(all, events...), q.events...)
	for _, event := range events {
		q.bytes += event.Size()
	}
	return q.trim()
}

func (q *queue) trim() (dropped int) {
	for len(q.events) > q.limits.Items || q.bytes > q.limits.Bytes {
		q.bytes -= q.events[0].Size()
		q.events[0] = telemetry.Event{}
		q.events = q.events[1:]
		dropped++
	}
	return dropped
}

// pop takes out the oldest events, as many as one batch may hold.
func (q *queue) pop() []telemetry.Event {
	n, size := 0, 0
	for n < len(q.events) && n < q.limits.BatchItems {
		size += q.events[n].Size()
		if n > 0 && size > q.limits.BatchBytes {
			break
		}
		q.bytes -= q.events[n].Size()
		n++
	}
	batch := make([]telemetry.Event, n)
	copy(batch, q.events)
	clear(q.events[:n])
	q.events = q.events[n:]
	if len(q.events) == 0 {
		q.events = nil // a burst must not keep its memory
	}
	return batch
}

// full says whether a whole batch is waiting.
func (q *queue) full() bool {
	return len(q.events) >= q.limits.BatchItems || q.bytes >= q.limits.BatchBytes
}
