//go:build linux

package main

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/extension"
	"github.com/graft-lambda/graft/internal/testbed"
)

// A life is a companion in this process, and what came of it.
type life struct {
	machine
	out, said testbed.Journal
	mu        sync.Mutex
	slept     []time.Duration
}

// newLife returns a life in an environment with fragments, by file name.
func newLife(a *api, fragments map[string]string, env ...string) *life {
	l := &life{}
	root := fstest.MapFS{}
	for name, text := range fragments {
		root["opt/graft.d/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	l.machine = machine{
		name: "x.sh", api: extension.New(a.address), env: inject.Env(append(env, "PATH=/usr/local/bin:/usr/bin:/bin")), dir: "/var/task", root: root,
		stdout: &l.out, stderr: &l.said, now: time.Now,
		sleep: func(_ context.Context, d time.Duration) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.slept = append(l.slept, d)
		},
	}
	return l
}

// live lives until SHUTDOWN.
func (l *life) live(t *testing.T) *companion {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	c := newCompanion(l.machine)
	c.live(ctx)
	require.NoError(t, ctx.Err(), "no end: %s", &l.said)
	return c
}

const idle = "GRAFT_RUN=sleep 1000\n"

func ms(n ...int) (d []time.Duration) {
	for _, n := range n {
		d = append(d, time.Duration(n)*time.Millisecond)
	}
	return d
}

// TestAPIFaults: whatever the API answers, the companion stays, slowly, until
// SHUTDOWN.
func TestAPIFaults(t *testing.T) {
	unknown := status(200, `{"eventType":"RESTORE"}`)
	for _, c := range []struct {
		name           string
		register, next []reply
		slept          []time.Duration
		said           string
	}{
		{"nothing wrong", nil, nil, nil, ""},
		{"register: slow", []reply{slow(accept)}, nil, nil, ""},
		{"register: 403", times(3, refuse(403, "Extension.TooManyExtensions")), nil, ms(20, 40, 80), "register: status 403: Extension.TooManyExtensions: no: trying again"},
		{"register: 500", times(1, refuse(500, "")), nil, ms(20), "register: status 500: no: trying again"},
		{"register: hangs up", times(2, hangUp), nil, ms(20, 40), "register: EOF: trying again"},
		{"register: cut short", times(1, cutShort), nil, ms(20), "register: answer cut short"},
		{"register: garbage", times(2, status(200, "<html>")), nil, ms(20, 40), "register: answer without an identifier: trying again"},
		{"register: garbage with an identifier", []reply{func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Lambda-Extension-Identifier", "the-id") }}, nil, nil, ""},
		{"next: slow", nil, []reply{slow(invoke)}, nil, ""},
		{"next: 500 once", nil, times(1, refuse(500, "")), ms(20), "next: status 500: no: trying again"},
		{"next: 403 once", nil, times(1, refuse(403, "Extension.InvalidExtensionState")), ms(20), "next: status 403"},
		{"next: 500 lastingly", nil, times(10, refuse(500, "")), ms(20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000), "next: status 500"},
		{"next: again after it was well", nil, []reply{refuse(500, ""), refuse(500, ""), invoke, refuse(500, ""), invoke, invoke}, ms(20, 40, 20), "next: status 500"},
		// On a connection that was used before, net/http itself asks once more.
		{"next: hangs up", nil, times(3, hangUp), ms(20, 40), "next: EOF: trying again"},
		{"next: garbage", nil, times(3, status(200, "garbage")), ms(20, 40, 80), "next: answer is no JSON object: trying again"},
		{"next: empty", nil, times(1, status(200, "")), ms(20), "next: answer is no JSON object"},
		{"next: giant", nil, times(1, status(200, strings.Repeat(" ", 2<<20))), ms(20), "next: answer too long"},
		{"next: cut short", nil, times(1, cutShort), ms(20), "next: answer cut short"},
		{"next: unknown events", nil, times(4, unknown), ms(20, 40, 80, 160), "next: an event of a type unknown here"},
		{"shutdown without deadline, unknown reason", nil, []reply{status(200, `{"eventType":"SHUTDOWN","shutdownReason":{"x":1}}`)}, nil, ""},
		{"shutdown with a deadline long ago", nil, []reply{shutdown(-time.Hour)}, nil, ""},
		{"shutdown with a deadline far away", nil, []reply{shutdown(time.Hour)}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, &api{register: c.register, next: c.next})
			l := newLife(a, map[string]string{"10-idle.env": idle})
			l.live(t)
			assert.Equal(t, c.slept, l.slept)
			registered, asked := a.calls()
			if strings.HasPrefix(c.name, "shutdown") {
				assert.Equal(t, 1, asked, "it ends with the first SHUTDOWN")
			} else {
				assert.Equal(t, len(c.next)+1, asked, "it ends with SHUTDOWN and not before")
			}
			if len(c.register) > 0 && len(c.slept) == 0 {
				assert.Equal(t, 1, registered, "Lambda refuses a second registration")
			} else {
				assert.Equal(t, len(c.register)+1, registered)
			}
			if c.said == "" {
				assert.Empty(t, l.said.String())
			} else {
				assert.Contains(t, l.said.String(), "graft-companion: "+c.said)
				assert.LessOrEqual(t, strings.Count(l.said.String(), "\n"), 5, "only the first, second, fourth, eighth … is said")
			}
			assert.Equal(t, "x.sh", a.names[0])
		})
	}
}

// TestEvents: what it registers for, first and after a refusal.
func TestEvents(t *testing.T) {
	refused := refuse(403, "Extension.InvalidEventType")
	managed := "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances"
	for _, c := range []struct {
		name     string
		program  bool
		env      []string
		register []reply
		want     []string
	}{
		{"nothing to do", false, nil, nil, []string{`[]`}},
		{"nothing to flush", false, []string{"GRAFT_TELEMETRY_FLUSH=end"}, nil, []string{`[]`}},
		{"a program", true, nil, nil, []string{`["SHUTDOWN"]`}},
		{"telemetry", false, []string{"GRAFT_TELEMETRY=platform"}, nil, []string{`["SHUTDOWN"]`}},
		{"telemetry, async", true, []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=async"}, nil, []string{`["SHUTDOWN"]`}},
		{"telemetry, end", true, []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end"}, nil, []string{`["INVOKE","SHUTDOWN"]`}},
		{"end, provisioned", false, []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end", "AWS_LAMBDA_INITIALIZATION_TYPE=provisioned-concurrency"}, nil, []string{`["INVOKE","SHUTDOWN"]`}},
		{"end, Managed Instances", true, []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end", managed}, nil, []string{`["SHUTDOWN"]`}},
		{"end, INVOKE refused", false, []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end"}, []reply{refused}, []string{`["INVOKE","SHUTDOWN"]`, `["SHUTDOWN"]`}},
		{"all refused", false, []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end"}, []reply{refused, refused}, []string{`["INVOKE","SHUTDOWN"]`, `["SHUTDOWN"]`, `[]`}},
		{"nothing refused", false, nil, []reply{refused}, []string{`[]`, `[]`}},
		{"switched off", true, []string{"GRAFT_DISABLE=1", "GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end"}, nil, []string{`[]`}},
		{"program switched off", true, []string{"GRAFT_DISABLE=other,idle"}, nil, []string{`[]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fragments := map[string]string{}
			if c.program {
				fragments["10-idle.env"] = idle
			}
			a := serve(t, &api{register: c.register})
			newLife(a, fragments, c.env...).live(t)
			assert.Equal(t, c.want, a.events)
		})
	}
}

// A watcher is a telemetry that does what a test wants.
type watcher struct {
	start func(context.Context) error
	work  func(context.Context)

	mu     sync.Mutex
	called []string
}

func (w *watcher) note(call string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.called = append(w.called, call)
}

func (w *watcher) Start(ctx context.Context, _ *extension.Client, r extension.Registration, _ wish) error {
	w.note("start " + r.ID)
	if w.start != nil {
		return w.start(ctx)
	}
	return nil
}

func (w *watcher) Invoked(ctx context.Context, e extension.Event) {
	w.note("invoked " + e.RequestID)
	if w.work != nil {
		w.work(ctx)
	}
}

func (w *watcher) Flush(ctx context.Context) {
	w.note("flush")
	if w.work != nil {
		w.work(ctx)
	}
}

// TestTelemetry: when it is called, and that nothing in it holds or ends the
// companion.
func TestTelemetry(t *testing.T) {
	soon := func(w http.ResponseWriter, r *http.Request) {
		status(200, `{"eventType":"INVOKE","requestId":"r","deadlineMs":`+jsonTime(200*time.Millisecond)+`}`)(w, r)
	}
	hang := func(ctx context.Context) { <-ctx.Done() }
	deaf := func(context.Context) { select {} }
	for _, c := range []struct {
		name string
		w    *watcher
		said string
	}{
		{"well", &watcher{}, ""},
		{"start: error", &watcher{start: func(context.Context) error { return errors.New("subscribe: status 400") }}, "graft-companion: no telemetry: subscribe: status 400\n"},
		{"start: hangs", &watcher{start: func(ctx context.Context) error { hang(ctx); return nil }}, ""},
		{"start: hangs, deaf", &watcher{start: func(ctx context.Context) error { deaf(ctx); return nil }}, "graft-companion: no telemetry: not done after 1s: going on without waiting\n"},
		{"start: panic", &watcher{start: func(context.Context) error { panic("s3cret") }}, "graft-companion: no telemetry: internal error, please report it (a panic of type string)\n"},
		{"work: hangs", &watcher{work: hang}, ""},
		{"work: hangs, deaf", &watcher{work: deaf}, "not done after 1"},
		{"work: panic", &watcher{work: func(context.Context) { var none []int; _ = none[len(none)] }}, "graft-companion: telemetry: internal error, please report it (runtime error: index out of range [0] with length 0)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, &api{next: []reply{soon, shutdown(500 * time.Millisecond)}})
			l := newLife(a, nil, "GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end")
			l.telemetry = c.w
			began := time.Now()
			l.live(t)
			assert.Less(t, time.Since(began), 5*time.Second)
			c.w.mu.Lock()
			defer c.w.mu.Unlock()
			assert.Equal(t, []string{"start the-id", "invoked r", "flush"}, c.w.called)
			if strings.Contains(c.name, "hangs") {
				assert.Contains(t, l.said.String(), c.said)
			} else {
				assert.Equal(t, strings.Repeat(c.said, 1+strings.Count(c.name, "work: panic")), l.said.String())
			}
			assert.NotContains(t, l.said.String(), "s3cret")
		})
	}
	t.Run("not asked for", func(t *testing.T) {
		a := serve(t, &api{next: []reply{invoke}})
		l := newLife(a, map[string]string{"10-idle.env": idle})
		w := &watcher{}
		l.telemetry = w
		l.live(t)
		assert.Empty(t, w.called)
	})
}

func jsonTime(left time.Duration) string {
	return strconv.FormatInt(time.Now().Add(left).UnixMilli(), 10)
}

// panicking is a file system that panics.
type panicking struct{}

func (panicking) Open(string) (fs.File, error) { panic("s3cret") }

// TestPanics: in each state, and it still ends by SHUTDOWN only.
func TestPanics(t *testing.T) {
	t.Run("while it reads", func(t *testing.T) {
		a := serve(t, &api{next: []reply{invoke}})
		l := newLife(a, nil)
		l.root = panicking{}
		l.live(t)
		assert.Equal(t, []string{"[]"}, a.events)
		assert.Equal(t, "graft-companion: internal error, please report it: doing nothing (a panic of type string)\n", l.said.String())
		_, asked := a.calls()
		assert.Equal(t, 2, asked)
	})
	for s := preparing; s < ended; s++ {
		l := newLife(&api{}, nil)
		c := newCompanion(l.machine)
		c.machine.root, c.machine.now, c.machine.api = nil, nil, nil
		c.machine.telemetry, c.job.wish.types = nil, []string{fragment.PlatformEvents}
		ctx, cancel := context.WithCancel(t.Context())
		if s == unregistered {
			cancel() // it waits for nothing else
		}
		// Whatever state is entered, with nothing there that it needs.
		next := c.step(ctx, s)
		cancel()
		assert.Contains(t, []state{afterPanic[s], s + 1}, next)
	}
	l := newLife(&api{}, nil)
	l.machine.api = nil
	c := newCompanion(l.machine)
	for range 20 {
		assert.Equal(t, waiting, c.step(t.Context(), waiting))
	}
	assert.Equal(t, time.Second, l.slept[19], "a panic for ever is no hot loop")
	assert.Equal(t, 5, strings.Count(l.said.String(), "\n"))
}

func TestUnreachable(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:1"} {
		l := newLife(&api{address: address}, map[string]string{"10-idle.env": idle})
		ctx, cancel := context.WithCancel(t.Context())
		sleep := l.sleep
		l.sleep = func(ctx context.Context, d time.Duration) {
			if sleep(ctx, d); len(l.slept) == 12 {
				cancel()
			}
		}
		c := newCompanion(l.machine)
		c.live(ctx)
		assert.Equal(t, ms(20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000, 1000), l.slept)
		assert.Contains(t, l.said.String(), "graft-companion: register: ")
	}
}

func TestShutdownTime(t *testing.T) {
	for left, want := range map[time.Duration]time.Duration{
		1400 * time.Millisecond: 1150 * time.Millisecond,
		2 * time.Second:         1750 * time.Millisecond,
		200 * time.Millisecond:  50 * time.Millisecond,
		-time.Hour:              1150 * time.Millisecond,
		0:                       1150 * time.Millisecond,
		time.Hour:               1150 * time.Millisecond,
	} {
		assert.Equal(t, want, shutdownTime(left), left)
	}
}

func TestLog(t *testing.T) {
	for value, lines := range map[string]int{"off": 0, "warn": 2, "": 2} {
		a := serve(t, &api{next: times(2, refuse(500, ""))})
		l := newLife(a, nil, "GRAFT_LOG="+value)
		l.live(t)
		assert.Equal(t, lines, strings.Count(l.said.String(), "\n"), value)
	}
}
