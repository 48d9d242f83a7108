package session

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/graft-lambda/graft/internal/lambdalog"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/graft-lambda/graft/internal/timeline"
)

// Bounds of what a recorder holds.
const (
	maxEvents = 200_000
	maxBytes  = 64 << 20
	maxTails  = 100
	maxTail   = 4 << 10 // bytes of one invocation's log
)

// A recorder takes the environment's events.
type recorder struct {
	out       *output
	telemetry bool // print each
	serving   bool // print Lambda's log lines, and hold tails instead of events

	mu     sync.Mutex
	events []telemetry.Event
	bytes  int
	left   int // events that did not fit
	known  []timeline.Init
	tails  []tail
}

// A tail is the end of the log of one invocation.
type tail struct {
	requestID string
	text      []byte
}

// add is the Events of a function.
func (r *recorder) add(event telemetry.Event) {
	if r.telemetry {
		if line, err := json.Marshal(event); err == nil {
			r.out.write(append(line, '\n'))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.serving {
		r.log(event)
		return
	}
	if len(r.events) == maxEvents || r.bytes+event.Size() > maxBytes {
		r.left++
		return
	}
	r.events = append(r.events, event)
	r.bytes += event.Size()
}

// addInit is the Inits of a function.
func (r *recorder) addInit(init local.Init) {
	known := timeline.Init{Began: init.Began}
	for _, p := range init.Parts {
		if p.Name == "" {
			p.Name = "runtime"
		}
		known.Parts = append(known.Parts, timeline.Part(p))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.serving && r.left == 0 {
		r.known = append(r.known, known)
	}
}

// log prints what Lambda's log would have of the event, and keeps it as the
// tail of its invocation. Lines of output belong to the invocation that began
// last.
func (r *recorder) log(event telemetry.Event) {
	lines := lambdalog.Lines(event)
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line + "\n")
	}
	if text.Len() > 0 {
		r.out.write([]byte(text.String()))
	}
	at := len(r.tails) - 1
	record, err := event.Decode()
	if err != nil {
		return
	}
	switch record := record.(type) {
	case telemetry.Invocation:
		if event.Type == telemetry.TypeStart {
			if len(r.tails) == maxTails {
				r.tails = slices.Delete(r.tails, 0, 1)
			}
			r.tails = append(r.tails, tail{requestID: record.RequestID})
		}
		at = slices.IndexFunc(r.tails, func(t tail) bool { return t.requestID == record.RequestID })
	case telemetry.Log:
		if record.Members != nil {
			text.Write(event.Record)
		} else {
			text.WriteString(strings.TrimSuffix(record.Text, "\n"))
		}
		text.WriteByte('\n')
	}
	if at >= 0 && text.Len() > 0 {
		t := &r.tails[at]
		t.text = append(t.text, text.String()...)
		if len(t.text) > maxTail {
			t.text = slices.Clone(t.text[len(t.text)-maxTail:])
		}
	}
}

// tail returns the last lines of an invocation.
func (r *recorder) tail(requestID string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tails {
		if t.requestID == requestID {
			return slices.Clone(t.text)
		}
	}
	return nil
}

// inits returns what is known of them besides the events.
func (r *recorder) inits() []timeline.Init {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.known)
}

// all returns the events, and how many did not fit.
func (r *recorder) all() ([]telemetry.Event, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events), r.left
}
