//go:build linux

package local

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// The events of a restore, and what the report after it says.
func TestRestoreEvents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		err     error
		status  string
		restore float64
	}{
		{"success", nil, `"status":"success"`, 15.25},
		{"failure", &fault{errorType: "Runtime.RestoreError", cause: errors.New("x")}, `"status":"error","errorType":"Runtime.RestoreError"`, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []telemetry.Event
			g := &generation{
				function: Function{Name: "f", MemoryMB: 128, InitType: SnapStart}, stage: &stage{},
				telemetry: newStream(func(e telemetry.Event) { got = append(got, e) }),
			}
			g.telemetry.initialized(time.Second)
			g.restoreStarted()
			g.restoreDone(15250*time.Microsecond, test.err)
			var records []string
			for _, e := range got {
				records = append(records, e.Type+" "+string(e.Record))
			}
			assert.Equal(t, []string{
				`platform.restoreStart {"functionName":"f","functionVersion":"$LATEST","instanceMaxMemory":128}`,
				`platform.restoreRuntimeDone {` + test.status + `}`,
				`platform.restoreReport {` + test.status + `,"metrics":{"durationMs":15.25}}`,
			}, records)
			metrics := g.telemetry.metrics(time.Millisecond, 128, 1)
			assert.Equal(t, test.restore, metrics.RestoreDurationMs)
			assert.Zero(t, g.telemetry.metrics(time.Millisecond, 128, 1).RestoreDurationMs, "only once")
		})
	}
}
