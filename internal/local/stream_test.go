//go:build linux

package local

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// What there was no room for before anyone subscribed is counted for those who
// wanted it.
func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	s := newStream(nil)
	s.begin()
	line := logged(telemetry.TypeFunctionLog, []byte("x"), time.Now(), "")
	for range maxQueued + 5 {
		s.emit(line)
	}
	s.emit(event(telemetry.TypeStart, startRecord{RequestID: "r"}))
	for _, kind := range []string{"platform", "function", "extension"} {
		require.NoError(t, s.subscribe(kind, subscription{
			api: telemetryAPI, schema: telemetrySchema3, types: map[string]bool{kind: true}, names: []string{kind},
			port: 1, maxItems: 1000, maxBytes: 1 << 20, timeout: time.Hour,
		}))
	}
	s.freeze(true) // nothing is sent
	want := map[string]tally{"function": {5, 5 * len(line.Record)}, "extension": {}}
	queued := map[string]int{"function": maxQueued, "extension": 0}
	for _, sub := range s.all() {
		sub.mu.Lock()
		if sub.name != "platform" {
			assert.Equal(t, want[sub.name], sub.lost, sub.name)
			assert.Len(t, sub.queue, queued[sub.name], sub.name)
		} else {
			first := string(sub.queue[0].text)
			assert.Contains(t, first, `"platform.logsDropped","record":{"droppedBytes":`)
			assert.Contains(t, first, `"droppedRecords":1,`)
		}
		sub.mu.Unlock()
	}
	s.end()
}
