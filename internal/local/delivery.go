package local

import (
	"context"
	"time"
)

const (
	// deliveryBound is how long a delivery may wait for its answer, and
	// retryFirst to retryLast how long the next one waits after it failed.
	deliveryBound = 10 * time.Second
	retryFirst    = 50 * time.Millisecond
	retryLast     = 2 * time.Second
)

// run delivers what is in the queue until close.
func (s *subscriber) run() {
	defer close(s.over)
	defer s.target.close()
	for s.await() {
		batch, last := s.batch()
		err := s.deliver(batch)
		if s.ctx.Err() != nil && err != nil {
			return
		}
		s.settle(len(batch), last, err)
	}
}

// await returns when there is something to deliver, or with false at the end.
func (s *subscriber) await() bool {
	for {
		s.mu.Lock()
		at, ever := s.due(time.Now())
		s.mu.Unlock()
		var timer *time.Timer
		var after <-chan time.Time
		if ever {
			wait := time.Until(at)
			if wait <= 0 {
				return s.ctx.Err() == nil
			}
			timer = time.NewTimer(wait)
			after = timer.C
		}
		select {
		case <-s.wake:
		case <-after:
		case <-s.ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if s.ctx.Err() != nil {
			return false
		}
	}
}

// due returns when the next delivery is to be made, as far as that is known.
func (s *subscriber) due(now time.Time) (at time.Time, ever bool) {
	if len(s.queue) == 0 || s.frozen {
		return at, false
	}
	at = now
	if !s.flushing && len(s.queue) < s.maxItems && s.bytes < s.maxBytes {
		at = s.queue[0].at.Add(s.timeout)
	}
	if s.retryAt.After(at) {
		at = s.retryAt
	}
	return at, true
}

// batch returns what the next delivery has: as much as the subscription
// allows. Last says that it is the last try before flush gives up.
func (s *subscriber) batch() (batch [][]byte, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 0
	for _, item := range s.queue {
		size += len(item.text)
		if len(batch) == s.maxItems || len(batch) > 0 && size > s.maxBytes {
			break
		}
		batch = append(batch, item.text)
	}
	return batch, s.flushing
}

// deliver makes one delivery. The time of a freeze is not part of its bound.
func (s *subscriber) deliver(batch [][]byte) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	s.mu.Lock()
	s.patience = time.AfterFunc(deliveryBound, cancel)
	if s.frozen {
		s.patience.Stop()
	}
	s.mu.Unlock()
	err := s.target.send(ctx, batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patience.Stop()
	s.patience = nil
	return err
}

// settle takes note of how the delivery of the first n records ended.
func (s *subscriber) settle(n int, last bool, err error) {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		for _, item := range s.queue[:n] {
			s.bytes -= len(item.text)
		}
		clear(s.queue[:n])
		s.queue = s.queue[n:]
		s.final = max(0, s.final-n)
		s.retry, s.retryAt = 0, time.Time{}
		if s.own() && s.flushing {
			s.final = len(s.queue) // the notice, too
		}
	} else if last || !s.flushing {
		s.retry = min(max(2*s.retry, retryFirst), retryLast)
		s.retryAt = time.Now().Add(s.retry)
	}
	if s.flushing && (s.final == 0 || last && err != nil) {
		s.release()
	}
}
