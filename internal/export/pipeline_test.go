package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripted is an exporter that does what a test says.
type scripted struct {
	wants  func(string) bool
	export func(context.Context, []telemetry.Event) error
}

func (s scripted) Name() string { return "scripted" }

func (s scripted) Wants(eventType string) bool { return s.wants == nil || s.wants(eventType) }

func (s scripted) Export(ctx context.Context, events []telemetry.Event) error {
	return s.export(ctx, events)
}

// sink keeps what it is sent.
type sink struct {
	mu     sync.Mutex
	events []telemetry.Event
	calls  int
	fail   func(call int) error // nil: never
}

func (s *sink) exporter() Exporter {
	return scripted{export: func(_ context.Context, events []telemetry.Event) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls++
		if s.fail != nil {
			if err := s.fail(s.calls); err != nil {
				return err
			}
		}
		s.events = append(s.events, events...)
		return nil
	}}
}

func (s *sink) records() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, event := range s.events {
		all = append(all, string(event.Record))
	}
	return strings.Join(all, " ")
}

func (s *sink) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// pass lets time pass in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

func lines(from, to int) []telemetry.Event {
	var events []telemetry.Event
	for i := from; i < to; i++ {
		events = append(events, telemetry.Event{Type: telemetry.TypeFunctionLog, Record: json.RawMessage(fmt.Sprint(i))})
	}
	return events
}

func done(request string) telemetry.Event {
	return telemetry.Event{Type: telemetry.TypeRuntimeDone, Record: json.RawMessage(`{"requestId":"` + request + `"}`)}
}

func begun(request string) telemetry.Event {
	return telemetry.Event{Type: telemetry.TypeStart, Record: json.RawMessage(`{"requestId":"` + request + `"}`)}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// sum asserts that every event is accounted for.
func sum(t *testing.T, stats Stats) {
	t.Helper()
	for _, s := range stats {
		assert.Equal(t, s.Accepted, s.Exported+s.Overflow+s.Refused+s.Unsent+s.Queued, "%+v", s)
	}
}

func TestAsyncSendsInItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got sink
		p := New(Config{}, got.exporter())
		p.Add(lines(0, 2))
		synctest.Wait()
		assert.Empty(t, got.records(), "waits for more")
		pass(linger)
		synctest.Wait()
		assert.Equal(t, "0 1", got.records())

		p.Add(append(lines(2, 3), done("r")))
		synctest.Wait()
		assert.Contains(t, got.records(), "0 1 2 ", "the end of an invocation sends at once")

		require.NoError(t, p.Ended(t.Context(), "never"), "does not wait")
		p.Add(lines(3, 5))
		stats := p.Close(t.Context())
		assert.Contains(t, got.records(), " 3 4")
		assert.Equal(t, Stats{{Exporter: "scripted", Accepted: 6, Exported: 6}}, stats)
		assert.Empty(t, stats.Line())
	})
}

// On Managed Instances the end of one of many invocations is no reason to send.
func TestTimedSendsByTimeAndSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got sink
		p := New(Config{Mode: Timed, Limits: Limits{BatchItems: 3}}, got.exporter())
		p.Add(append(lines(0, 1), done("r")))
		synctest.Wait()
		assert.Empty(t, got.records())
		require.NoError(t, p.Ended(t.Context(), "never"), "does not wait")
		pass(linger)
		synctest.Wait()
		assert.Equal(t, 1, got.called())
		p.Add(lines(1, 4))
		synctest.Wait()
		assert.Equal(t, 2, got.called(), "a whole batch")
		sum(t, p.Close(t.Context()))
	})
}

func TestEndWaitsForTheEndOfTheInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got sink
		p := New(Config{Mode: End}, got.exporter())
		result := make(chan error, 1)
		go func() { result <- p.Ended(t.Context(), "r") }()
		p.Add(lines(0, 1))
		synctest.Wait()
		assert.Empty(t, result)
		p.Add([]telemetry.Event{done("other")})
		synctest.Wait()
		assert.Empty(t, result)
		p.Add([]telemetry.Event{done("r")})
		synctest.Wait()
		require.NoError(t, <-result)
		assert.Equal(t, 3, len(got.events), "all that was accepted")

		// As long as it takes, if only it has begun.
		p.Add([]telemetry.Event{begun("long")})
		go func() { result <- p.Ended(t.Context(), "long") }()
		pass(10 * time.Minute)
		synctest.Wait()
		assert.Empty(t, result)
		p.Add([]telemetry.Event{done("long")})
		synctest.Wait()
		require.NoError(t, <-result)
		before := time.Now()
		assert.ErrorContains(t, p.Ended(t.Context(), "not begun"), "not even its start")
		assert.Equal(t, beginWithin, time.Since(before))
		p.Add([]telemetry.Event{done("x"), begun("lost")})

		// One that never comes is waited for once.
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.ErrorIs(t, p.Ended(short, "lost"), context.DeadlineExceeded)
		require.NoError(t, p.Ended(t.Context(), "lost again"))
		p.Add([]telemetry.Event{done("found")})
		require.NoError(t, p.Ended(t.Context(), "found"))
		sum(t, p.Close(t.Context()))
	})
}

func TestFailuresLoseNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := sink{fail: func(call int) error {
			if call < 5 {
				return &Later{Err: errors.New("503")}
			}
			return nil
		}}
		var said []string
		p := New(Config{Log: func(line string) { said = append(said, line) }}, got.exporter())
		p.Add(lines(0, 3))
		pass(linger + 15*firstPause) // 1+2+4+8
		synctest.Wait()
		assert.Equal(t, "0 1 2", got.records())
		assert.Equal(t, []string{"telemetry: scripted: 503; will try again"}, said)
		assert.Equal(t, Stats{{Exporter: "scripted", Accepted: 3, Exported: 3, Retries: 4}}, p.Close(t.Context()))
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := sink{fail: func(call int) error {
			if call == 1 {
				return &Later{After: 5 * time.Minute, Err: errors.New("429")}
			}
			return nil
		}}
		p := New(Config{}, got.exporter())
		p.Add([]telemetry.Event{done("r")})
		synctest.Wait()
		pass(5*time.Minute - time.Second)
		p.Add([]telemetry.Event{done("s")})
		require.NoError(t, p.Flush(t.Context()), "does not wait")
		synctest.Wait()
		assert.Equal(t, 1, got.called())
		pass(time.Second)
		synctest.Wait()
		assert.Equal(t, 2, got.called())
		p.Close(t.Context())
	})
}

func TestCloseDoesNotWaitForAPauseBeyondItsEnd(t *testing.T) {
	t.Parallel()
	got := sink{fail: func(int) error { return &Later{After: time.Hour, Err: errors.New("429")} }}
	clock := newFakeClock()
	p := New(Config{Clock: clock.clock()}, got.exporter())
	p.Add([]telemetry.Event{done("r")})
	require.NoError(t, p.Flush(within(t)))
	stats := p.Close(within(t))
	assert.Equal(t, Stats{{Exporter: "scripted", Accepted: 1, Unsent: 1, Retries: 1}}, stats)
	assert.Equal(t, "telemetry: dropped: scripted: 1 of 1 events (queue full 0, refused 0, not sent in time 1)", stats.Line())
}

func TestCloseTriesSeveralTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := sink{fail: func(int) error { return &Later{Err: errors.New("refused")} }}
		p := New(Config{}, got.exporter())
		p.Add(lines(0, 7))
		stats := p.Close(t.Context())
		assert.Equal(t, closingTries, got.calls)
		assert.EqualValues(t, 7, stats[0].Unsent)
		p.Add(lines(0, 2))
		stats = p.Stats()
		assert.EqualValues(t, 9, stats[0].Unsent)
		sum(t, stats)
	})
}

// The environment is frozen for an hour in the middle of a request, which then
// fails. No time limit of ours may have run out by that.
func TestFrozenForAnHour(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	got := sink{fail: func(call int) error {
		if call == 1 {
			clock.move(time.Hour)
			return &Later{Err: errors.New("connection reset by peer")}
		}
		return nil
	}}
	p := New(Config{Clock: clock.clock()}, got.exporter())
	p.Add(append(lines(0, 2), done("r")))
	require.NoError(t, p.Flush(within(t)))
	require.Equal(t, uint64(3), p.Stats()[0].Queued)

	clock.move(time.Hour) // and again, between two attempts
	p.Add(lines(2, 3))
	require.NoError(t, p.Flush(within(t)))
	assert.True(t, strings.HasPrefix(got.records(), "0 1 "), got.records())
	assert.True(t, strings.HasSuffix(got.records(), " 2"), got.records())
	sum(t, p.Close(within(t)))
}

func TestClockSetBack(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	got := sink{fail: func(call int) error {
		if call == 1 {
			return &Later{Err: errors.New("503")}
		}
		return nil
	}}
	p := New(Config{Clock: clock.clock()}, got.exporter())
	p.Add([]telemetry.Event{done("r")})
	require.NoError(t, p.Flush(within(t)))
	clock.move(-time.Hour)
	require.NoError(t, p.Flush(within(t)))
	assert.EqualValues(t, 1, p.Stats()[0].Exported)
	p.Close(within(t))
}

// A hanging endpoint costs one Flush its time, and no further one anything,
// until it answers again.
func TestHangingEndpointIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := New(Config{Mode: End}, scripted{export: func(ctx context.Context, _ []telemetry.Event) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return &Later{Err: ctx.Err()}
			}
		}})
		began := time.Now()
		for range 100 {
			p.Add(lines(0, 1))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_ = p.Flush(ctx)
			cancel()
		}
		assert.Equal(t, time.Second, time.Since(began))
		close(release)
		synctest.Wait()
		p.Add(lines(0, 1))
		require.NoError(t, p.Flush(t.Context()))
		require.EqualValues(t, 101, p.Stats()[0].Exported)
		sum(t, p.Close(t.Context()))
	})
}

// An exporter that ignores its context cannot hold up the end either.
func TestCloseLeavesWhatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var fast sink
		p := New(Config{}, scripted{export: func(context.Context, []telemetry.Event) error {
			<-release
			return nil
		}}, fast.exporter())
		p.Add(append(lines(0, 5), done("r")))
		synctest.Wait()
		p.Add(lines(5, 6))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		stats := p.Close(ctx)
		assert.Less(t, time.Since(began), 2*time.Second)
		assert.EqualValues(t, 7, stats[0].Unsent)
		assert.EqualValues(t, 7, stats[1].Exported)
		close(release)
		synctest.Wait()
		assert.Equal(t, stats, p.Stats(), "what comes too late is not counted twice")
		sum(t, stats)
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		fail bool
		want LaneStats
	}{
		{"sent", nil, false, LaneStats{Exported: 10}},
		{"refused", errors.New("400"), false, LaneStats{Refused: 10}},
		{"some refused", &Partial{Refused: 3, Err: errors.New("x")}, false, LaneStats{Refused: 3, Exported: 7}},
		{"more refused than sent", &Partial{Refused: 300, Err: errors.New("x")}, false, LaneStats{Refused: 10}},
		{"nonsense", &Partial{Refused: -1, Err: errors.New("x")}, false, LaneStats{Exported: 10}},
		{"panic", nil, true, LaneStats{Refused: 10}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := New(Config{}, scripted{export: func(context.Context, []telemetry.Event) error {
				if test.fail {
					panic("oh no")
				}
				return test.err
			}})
			p.Add(lines(0, 10))
			require.NoError(t, p.Flush(within(t)))
			test.want.Exporter, test.want.Accepted = "scripted", 10
			assert.Equal(t, Stats{test.want}, p.Close(within(t)))
		})
	}
}

func TestQueueDropsTheOldest(t *testing.T) {
	t.Parallel()
	size := lines(0, 1)[0].Size()
	for _, test := range []struct {
		name   string
		limits Limits
		want   string
	}{
		{"by items", Limits{Items: 3}, "7 8 9"},
		{"by bytes", Limits{Bytes: 2*size + 1}, "8 9"},
		{"too small for any", Limits{Bytes: 1}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got sink
			clock := newFakeClock()
			p := New(Config{Limits: test.limits, Clock: clock.clock()}, got.exporter())
			p.Add(lines(0, 10))
			stats := p.Close(within(t))
			assert.Equal(t, test.want, got.records())
			sum(t, stats)
			assert.EqualValues(t, len(strings.Fields(test.want)), stats[0].Exported)
		})
	}
}

func TestQueueKeepsOrderAndBounds(t *testing.T) {
	t.Parallel()
	q := queue{limits: Limits{Items: 5, Bytes: 1 << 20, BatchItems: 3, BatchBytes: 1 << 20}}
	push := func(from, to int) (dropped int) {
		for _, event := range lines(from, to) {
			dropped += q.push(event)
		}
		return dropped
	}
	require.Zero(t, push(0, 5))
	batch := q.pop()
	require.Len(t, batch, 3)
	require.Zero(t, push(5, 7))
	assert.Equal(t, 2, q.unpop(batch), "one of the oldest for each that came meanwhile")
	var left []string
	for _, event := range q.events {
		left = append(left, string(event.Record))
	}
	assert.Equal(t, []string{"2", "3", "4", "5", "6"}, left)
	for len(q.events) > 0 {
		q.pop()
	}
	assert.Zero(t, q.bytes)
}

func TestBatchBytes(t *testing.T) {
	t.Parallel()
	size := lines(0, 1)[0].Size()
	q := queue{limits: Limits{BatchBytes: 2*size + 1}.orDefault()}
	for _, event := range lines(0, 5) {
		q.push(event)
	}
	assert.Len(t, q.pop(), 2)
	q.limits.BatchBytes = 1
	assert.Len(t, q.pop(), 1, "never none")
}
