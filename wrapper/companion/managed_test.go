//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	events "github.com/graft-lambda/graft/internal/telemetry"
)

// together has an invocation wait until as many of these have come as can run
// at once.
const together = "together"

var (
	atOnce  = sync.OnceValue(func() int { n, _ := strconv.Atoi(os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY")); return max(n, 1) })
	meeting = sync.OnceValue(func() *sync.WaitGroup { all := new(sync.WaitGroup); all.Add(atOnce()); return all })
)

// serveAtOnce is as many runtimes as can run at once, in one process.
func serveAtOnce() {
	for range atOnce() - 1 {
		go serveFunction()
	}
	serveFunction()
}

func meet(event string) {
	if event == strconv.Quote(together) {
		meeting().Done()
		meeting().Wait()
	}
}

// told keeps an environment's events.
type told struct {
	mu   sync.Mutex
	list []events.Event
}

func (o *told) add(e events.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, e)
}

// extensions are who registered, and for what.
func (o *told) extensions(t *testing.T) (list []events.Extension) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.list {
		if record, err := e.Decode(); e.Type == events.TypeExtension && assert.NoError(t, err) {
			list = append(list, record.(events.Extension))
		}
	}
	return list
}

// scenesOn is scenes of another init type.
func scenesOn(t *testing.T, initType local.InitType, concurrency int, env []string, test func(t *testing.T, s *scene, seen *told)) {
	for _, mode := range []string{"external", "forked"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s, seen := newScene(t, mode == "forked", nil, env...), &told{}
			s.InitType, s.Concurrency, s.Freeze = initType, concurrency, true
			s.Events = seen.add
			s.env = s.start(t)
			test(t, s, seen)
		})
	}
}

// TestManagedInstances: many invocations at once, of which nobody tells an
// extension. Telemetry is sent by time and size, whatever the function asks
// for, and nothing is lost.
func TestManagedInstances(t *testing.T) {
	const atOnce, each = 4, 25
	env := []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=end"}
	scenesOn(t, local.ManagedInstances, atOnce, env, func(t *testing.T, s *scene, seen *told) {
		want := []string{"SHUTDOWN"}
		if s.forked {
			want = nil
		}
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				assert.Equal(t, strconv.Quote(together), send(t, s.env, together))
				for range each {
					assert.Equal(t, `"hello"`, send(t, s.env, "hello"))
				}
			})
		}
		all.Wait()
		if registered := seen.extensions(t); assert.Len(t, registered, 1) {
			assert.Equal(t, "graft-companion", registered[0].Name)
			assert.ElementsMatch(t, want, registered[0].Events)
		}
		complete := func() bool {
			return count(s.collector, "invoke") == atOnce*(each+1) && len(s.collector.lines()) == atOnce*(each+1)
		}
		if s.forked {
			// Nobody waits for an internal extension at the end.
			eventually(t, complete, "all is sent by time")
		}
		require.NoError(t, s.env.Stop(context.Background()))
		assert.True(t, complete(), "%d spans, %d lines", count(s.collector, "invoke"), len(s.collector.lines()))
		assert.Equal(t, 1, count(s.collector, "init"))
		assert.Equal(t, atOnce, strings.Count(strings.Join(s.collector.lines(), "\n"), together))
		assert.NotContains(t, s.printed(), linePrefix)
	})
}

// TestSnapStart: what the companion has made before the snapshot is of use an
// hour later, or is made anew; no invocation fails for it.
func TestSnapStart(t *testing.T) {
	for _, flush := range []string{"end", "async"} {
		t.Run(flush, func(t *testing.T) {
			env := []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=" + flush}
			scenesOn(t, local.SnapStart, 1, env, func(t *testing.T, s *scene, _ *told) {
				s.sleep(t)
				require.NoError(t, s.env.Restore(t.Context()))
				first, _ := s.invoke(t)
				s.sleep(t)
				second, _ := s.invoke(t)
				if flush == "end" {
					for _, trace := range []string{first, second} {
						assert.Contains(t, s.collector.names(trace), "invoke")
					}
					assert.Equal(t, 1, count(s.collector, "restore"))
				}
				eventually(t, func() bool {
					s.invoke(t)
					return count(s.collector, "init") == 1 && count(s.collector, "restore") == 1 &&
						slices.Contains(s.collector.names(first), "invoke") && slices.Contains(s.collector.names(second), "invoke")
				}, "all is sent")
				require.NoError(t, s.env.Stop(context.Background()))
				assert.Equal(t, 1, count(s.collector, "restore"))
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

// count counts the spans of that name. One that came again, because nobody
// told the sender that it had, counts once.
func count(c *collector, name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := map[string]bool{}
	for _, span := range c.spans {
		if span.Name == name {
			ids[string(span.SpanId)] = true
		}
	}
	return len(ids)
}
