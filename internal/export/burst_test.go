package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/telemetry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type exporter struct {
	name   string
	export func(context.Context, []telemetry.Event) error
}

func (e exporter) Name() string      { return e.name }
func (e exporter) Wants(string) bool { return true }
func (e exporter) Export(ctx context.Context, events []telemetry.Event) error {
	return e.export(ctx, events)
}

// batchOf is what Lambda would send: n lines of output and a platform event.
func batchOf(t testing.TB, n int) []byte {
	now := time.Now()
	events := []telemetry.Event{{Time: now, Type: telemetry.TypeStart, Record: json.RawMessage(`{"requestId":"r"}`)}}
	for i := range n - 1 {
		events = append(events, telemetry.Event{Time: now, Type: telemetry.TypeFunctionLog, Record: json.RawMessage(fmt.Sprintf(`"line %d of the function, as long as lines are, with some words in it\n"`, i))})
	}
	body, err := json.Marshal(events)
	require.NoError(t, err)
	return body
}

func post(t testing.TB, url string, body []byte) {
	response, err := http.Post(url, "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func unresolved(context.Context, string) ([]string, error) { return nil, errors.New("no such host") }

// 50,000 events at once, and exporters of every temper: nothing blocks, and
// the counts add up.
func TestBurst(t *testing.T) {
	t.Parallel()
	const total = 50_000
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	hang := make(chan struct{})
	var counted, flaky atomic.Int64
	pipeline := export.New(export.Config{Mode: export.End},
		exporter{"well", func(_ context.Context, events []telemetry.Event) error {
			counted.Add(int64(len(events)))
			return nil
		}},
		exporter{"hanging", func(ctx context.Context, _ []telemetry.Event) error {
			select {
			case <-hang:
				return nil
			case <-ctx.Done():
				return &export.Later{Err: ctx.Err()}
			}
		}},
		exporter{"flaky", func(context.Context, []telemetry.Event) error {
			if flaky.Add(1)%2 == 0 {
				return errors.New("400")
			}
			return nil
		}},
		export.Stdout(io.Discard))
	listener, err := telemetry.Listen(ctx, telemetry.Receiver{Accept: pipeline.Add, Resolve: unresolved})
	require.NoError(t, err)
	url, body := "http://"+listener.Addr().String(), batchOf(t, 500)
	for range total / 500 {
		post(t, url, body)
	}
	require.NoError(t, listener.Drain(ctx))
	assert.EqualValues(t, total, listener.Counts().Accepted)

	closing, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	require.Eventually(t, func() bool {
		stats := pipeline.Stats()
		return stats[0].Queued+stats[2].Queued+stats[3].Queued == 0
	}, 20*time.Second, 5*time.Millisecond, "the others do not wait for the one that hangs")
	close(hang)
	stats := pipeline.Close(closing)
	for i, lane := range stats {
		want := uint64(total)
		if i == 3 {
			want = total / 500 // platform events only
		}
		assert.Equal(t, want, lane.Accepted, lane.Exporter)
		assert.Equal(t, lane.Accepted, lane.Exported+lane.Dropped(), lane.Exporter)
	}
	assert.EqualValues(t, counted.Load(), stats[0].Exported)
	assert.NotZero(t, stats[2].Refused)
	assert.LessOrEqual(t, stats[1].Exported, uint64(21_000), "the queue's limit, and what was under way")
	assert.NotZero(t, stats[1].Overflow)
	assert.Zero(t, stats[3].Dropped())
	assert.Equal(t, 1, strings.Count(stats.Line()+"\n", "\n"))
}

// BenchmarkListener: events through HTTP, decoding and queues to two exporters.
func BenchmarkListener(b *testing.B) {
	count := exporter{"count", func(context.Context, []telemetry.Event) error { return nil }}
	pipeline := export.New(export.Config{}, count, export.Stdout(io.Discard))
	listener, err := telemetry.Listen(b.Context(), telemetry.Receiver{Accept: pipeline.Add, Resolve: unresolved, Own: telemetry.NewOwn("graft-companion: ")})
	require.NoError(b, err)
	defer listener.Close()
	url, body := "http://"+listener.Addr().String(), batchOf(b, 1000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		post(b, url, body)
	}
	elapsed := b.Elapsed()
	stats := pipeline.Close(context.Background())
	b.ReportMetric(float64(1000*b.N)/elapsed.Seconds(), "events/s")
	b.ReportMetric(float64(stats[0].Dropped()), "dropped")
}
