//go:build linux

package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

// TestTelemetryLast: the shutdown comes right after an invocation, and the
// runtime ends by its SIGTERM at once.
func TestTelemetryLast(t *testing.T) {
	for _, flush := range []string{"end", "async"} {
		t.Run(flush, func(t *testing.T) {
			env := []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=" + flush}
			scenesOn(t, local.OnDemand, 1, env, func(t *testing.T, s *scene, _ *told) {
				trace, _ := s.invoke(t)
				require.NoError(t, s.env.Stop(context.Background()))
				names := s.collector.names(trace)
				// Lambda holds the events of a forked companion's last second, and waits for
				// nobody but the runtime.
				if !s.forked || flush == "end" {
					assert.Contains(t, names, "invoke")
				}
				if !s.forked {
					assert.Contains(t, names, "extensionOverhead", "which the report has")
					assert.Equal(t, []string{`function: "hello"`}, s.collector.lines())
				}
				assert.NotContains(t, s.printed(), linePrefix)
			})
		})
	}
}
