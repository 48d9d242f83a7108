package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/graft-lambda/graft/internal/guard"
)

func (l *Listener) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if problem := recover(); problem != nil {
			l.lines.Say("panic", "telemetry: listener: "+guard.Error(problem).Error())
			w.WriteHeader(http.StatusInternalServerError)
		}
	}()
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		w.Header().Set("Allow", "POST, PUT")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.WriteHeader(l.take(r))
}

// take answers a delivery that it cannot use with a client error: to have it
// again would not help.
func (l *Listener) take(r *http.Request) (status int) {
	body := l.bodies.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= keepBuffer {
			body.Reset()
			l.bodies.Put(body)
		}
	}()
	if n := r.ContentLength; n > 0 && n <= l.cfg.MaxBody {
		body.Grow(int(n) + bytes.MinRead)
	}
	var err error
	if r.ContentLength <= l.cfg.MaxBody {
		_, err = body.ReadFrom(io.LimitReader(r.Body, l.cfg.MaxBody+1))
	}
	if r.ContentLength > l.cfg.MaxBody || int64(body.Len()) > l.cfg.MaxBody {
		l.tooLarge.Add(1)
		l.lines.Say("large", fmt.Sprintf("telemetry: a delivery of more than %d bytes was left out", l.cfg.MaxBody))
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxDrained))
		return http.StatusRequestEntityTooLarge
	}
	if err != nil {
		l.malformed.Add(1)
		l.lines.Say("cut", "telemetry: a delivery was cut off")
		return http.StatusBadRequest
	}
	return l.hand(body.Bytes())
}

// hand passes on the events of a batch. What a batch holds is never printed.
func (l *Listener) hand(body []byte) (status int) {
	events, skipped, err := Batch(body)
	status = http.StatusOK
	switch {
	case err != nil:
		l.malformed.Add(1)
		l.lines.Say("malformed", "telemetry: a delivery is not an array of events")
		status = http.StatusBadRequest
	case skipped > 0:
		l.lines.Say("skipped", fmt.Sprintf("telemetry: %d elements of a delivery are no events", skipped))
	}
	l.skipped.Add(uint64(skipped))
	if len(events) > 0 {
		// A batch that ends in garbage is taken as far as it goes; to be sent
		// the same again would double that.
		status = http.StatusOK
	}
	if status == http.StatusOK {
		l.batches.Add(1)
	}
	kept, now := events[:0], l.cfg.Now()
	for _, event := range events {
		if l.cfg.Own.Wrote(event) {
			l.own.Add(1)
			continue
		}
		if event.Time.IsZero() {
			event.Time = now
		}
		kept = append(kept, event)
	}
	if len(kept) > 0 {
		l.cfg.Accept(kept)
		l.accepted.Add(uint64(len(kept)))
	}
	return status
}
