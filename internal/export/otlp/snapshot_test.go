package otlp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSnapshot: environments that share a snapshot, and so the seed, have the
// init in common and a restore each, even if they are restored at one time.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	snapshot, _ := spanState{seed: "x"}.fold(batch(t, `[{"time":"2026-01-01T00:00:00Z","type":"platform.initStart","record":{"initializationType":"snap-start","instanceId":"none"}}]`))
	const restored = `[{"time":"2026-01-01T01:00:00Z","type":"platform.restoreStart","record":{"instanceId":%q}},
		{"time":"2026-01-01T01:00:01Z","type":"platform.restoreReport","record":{"status":"success"}},
		{"time":"2026-01-01T01:00:01Z","type":"platform.initReport","record":{"status":"success"}}]`
	spans, traces := map[string][]string{}, map[string]bool{}
	for _, instance := range []string{"a", "b", "b"} { // b is delivered twice
		_, list := snapshot.fold(batch(t, fmt.Sprintf(restored, instance)))
		require.Len(t, list, 2)
		restore, initial := list[0], list[1]
		assert.Equal(t, "restore", restore.Name)
		spans[instance] = append(spans[instance], string(restore.SpanId))
		spans["init"] = append(spans["init"], string(initial.SpanId))
		traces[string(restore.TraceId)] = true

		// So do log records, of the environment that they come from.
		require.True(t, wantsLog("platform.restoreStart"))
		state, _ := logState{}.fold(batch(t, fmt.Sprintf(restored, instance)), time.Time{})
		assert.Equal(t, instance, state.instance)
	}
	assert.NotEqual(t, spans["a"][0], spans["b"][0])
	assert.Equal(t, spans["b"][0], spans["b"][1])
	assert.Equal(t, []string{spans["init"][0], spans["init"][0], spans["init"][0]}, spans["init"])
	assert.Len(t, traces, 2)
}
