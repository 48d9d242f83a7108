//go:build linux

package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

// TestManagedInstances: many invocations at once, of which nobody tells an
// extension. Telemetry is sent by time and size, whatever the function asks
// for, and nothing is lost.
func TestManagedInstances(t *testing.T) {
	const atOnce, each = 4, 25
	configure := func(f *local.Function) { f.InitType, f.Concurrency = local.ManagedInstances, atOnce }
	env := []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=end"}
	scenesOf(t, nil, env, configure, func(t *testing.T, s *scene) {
		want := []string{"SHUTDOWN"}
		if s.forked {
			want = nil
		}
		// Who has its next answered last tells of all.
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				assert.Equal(t, `"together"`, send(t, s.env, "together"))
				for range each {
					assert.Equal(t, `"hello"`, send(t, s.env, "hello"))
				}
			})
		}
		all.Wait()
		if registered := s.events.extensions(t); assert.Len(t, registered, 1) {
			assert.Equal(t, "graft-companion", registered[0].Name)
			assert.ElementsMatch(t, want, registered[0].Events)
		}
		complete := func() bool {
			return s.collector.count("invoke") == atOnce*(each+1) && len(s.collector.lines()) == atOnce*(each+1)
		}
		if s.forked {
			// Nobody waits for an internal extension at the end.
			eventually(t, complete, "all is sent by time")
		}
		require.NoError(t, s.env.Stop(context.Background()))
		assert.True(t, complete(), "%d spans, %d lines", s.collector.count("invoke"), len(s.collector.lines()))
		assert.Equal(t, 1, s.collector.count("init"))
		assert.Equal(t, atOnce, strings.Count(strings.Join(s.collector.lines(), "\n"), "together"))
		assert.NotContains(t, s.printed(), linePrefix)
	})
}

// TestSnapStart: what the companion has made before the snapshot is of use an
// hour later, or is made anew; no invocation fails for it.
func TestSnapStart(t *testing.T) {
	configure := func(f *local.Function) { f.InitType, f.Freeze = local.SnapStart, true }
	for _, flush := range []string{"end", "async"} {
		t.Run(flush, func(t *testing.T) {
			env := []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=" + flush}
			scenesOf(t, nil, env, configure, func(t *testing.T, s *scene) {
				s.sleep(t)
				require.NoError(t, s.env.Restore(t.Context()))
				first, _ := s.invoke(t)
				s.sleep(t)
				second, _ := s.invoke(t)
				if flush == "end" {
					for _, trace := range []string{first, second} {
						assert.Contains(t, s.collector.names(trace), "invoke")
					}
					assert.Equal(t, 1, s.collector.count("restore"))
				}
				eventually(t, func() bool {
					s.invoke(t)
					return s.collector.count("init") == 1 && s.collector.count("restore") == 1 &&
						slices.Contains(s.collector.names(first), "invoke") && slices.Contains(s.collector.names(second), "invoke")
				}, "all is sent")
				require.NoError(t, s.env.Stop(context.Background()))
				assert.Equal(t, 1, s.collector.count("restore"))
				assert.NotContains(t, s.printed(), linePrefix)
			})
		})
	}
}

// sleep lets an hour go by for a frozen environment, in which the collector
// gives up all connections.
func (s *scene) sleep(t *testing.T) {
	t.Helper()
	s.collector.srv.CloseClientConnections()
	if err := s.env.Advance(t.Context(), time.Hour); !errors.Is(err, errors.ErrUnsupported) {
		require.NoError(t, err)
	}
}
