package main

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/export/otlp"
	"github.com/graft-lambda/graft/internal/extension"
	events "github.com/graft-lambda/graft/internal/telemetry"
)

// linePrefix begins each line that the companion says.
const linePrefix = "graft-companion: "

// What a subscription asks for. The batches are as small as Lambda makes them:
// a large one would only cost memory.
const (
	batchItems = 1000
	batchBytes = 256 << 10
	// holdAsync is how long Lambda may hold events back; holdEnd, where an
	// invocation waits for them, is the least that it takes.
	holdAsync = time.Second
	holdEnd   = 25 * time.Millisecond
)

// Limits of what the start and the end may wait for.
const (
	// resolveLimit bounds the look-up of the name that Lambda delivers to, where
	// no name server answers.
	resolveLimit = subscribeLimit / 4
	// drainLimit bounds the wait for deliveries under way, on this machine.
	drainLimit = 50 * time.Millisecond
	// countTime is kept, of the time to send, for an exporter that hangs to be
	// given up and for the line that counts what is left; or half of the time.
	countTime = 150 * time.Millisecond
)

// A watch is the [telemetry] of Lambda's Telemetry API. Start, Invoked and
// Flush may be given up and still go on beside each other.
type watch struct {
	stdout io.Writer
	// say prints a line.
	say     func(line string)
	running atomic.Pointer[running]
}

// running are the parts of a watch that has started.
type running struct {
	pipeline *export.Pipeline
	listener *events.Listener
}

func (w *watch) Start(ctx context.Context, api *extension.Client, r extension.Registration, asked wish) error {
	run := &running{pipeline: export.New(export.Config{Mode: asked.mode, Log: w.say}, w.exporters(r, asked)...)}
	err := run.subscribe(ctx, api, r, asked, w.say)
	if err != nil {
		run.close(ctx)
		return err
	}
	w.running.Store(run)
	return nil
}

func (run *running) subscribe(ctx context.Context, api *extension.Client, r extension.Registration, asked wish, say func(string)) (err error) {
	short, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	run.listener, err = events.Listen(short, events.Receiver{Accept: run.pipeline.Add, Log: say, Own: events.NewOwn(linePrefix)})
	if err != nil {
		return err
	}
	types, hold := slices.Clone(asked.types), holdAsync
	if asked.mode == export.End {
		hold = holdEnd
		if !slices.Contains(types, fragment.PlatformEvents) {
			// They tell when an invocation is over.
			types = append(types, fragment.PlatformEvents)
		}
	}
	return api.Subscribe(ctx, r.ID, extension.Subscription{
		Types: types, URI: run.listener.URI(), MaxItems: batchItems, MaxBytes: batchBytes, Timeout: hold,
	})
}

// exporters are those that the function asks for. One that cannot be had is
// left out with a line.
func (w *watch) exporters(r extension.Registration, asked wish) (list []export.Exporter) {
	function := export.Function{Name: r.FunctionName, Version: r.FunctionVersion, Account: r.AccountID}
	add := func(e export.Exporter, err error) {
		if err != nil {
			w.say("telemetry: " + err.Error() + ": left out")
			return
		}
		list = append(list, chosen{e, asked.types})
	}
	for _, name := range asked.to {
		switch name {
		case fragment.ToStdout:
			add(export.Stdout(w.stdout), nil)
		case fragment.ToEMF:
			add(export.EMF(w.stdout, function), nil)
		case fragment.ToOTLP:
			traces, logs, problems := otlp.Configure(asked.env.Lookup)
			for _, problem := range problems {
				w.say("telemetry: " + problem.Error() + ": ignored")
			}
			options := otlp.Options{
				Resource: otlp.Resource(asked.env.Lookup, function), Seed: rand.Text(), Proxy: http.ProxyFromEnvironment,
			}
			add(otlp.Traces(traces, options))
			add(otlp.Logs(logs, options))
		}
	}
	return list
}

// A chosen exporter gets the types of events that the function asks for, and
// not those that are subscribed to for the companion's own sake.
type chosen struct {
	export.Exporter
	types []string
}

func (c chosen) Wants(eventType string) bool {
	kind, _, _ := strings.Cut(eventType, ".")
	return slices.Contains(c.types, kind) && c.Exporter.Wants(eventType)
}

func (w *watch) Invoked(ctx context.Context, e extension.Event) {
	if run := w.running.Load(); run != nil {
		// A runtime that has used up its time, or ended, is no fault here.
		if err := run.pipeline.Ended(ctx, e.RequestID); err != nil && ctx.Err() == nil {
			w.say("telemetry: " + err.Error())
		}
	}
}

func (w *watch) Flush(ctx context.Context) {
	if run := w.running.Load(); run != nil {
		if end, ok := ctx.Deadline(); ok {
			left := time.Until(end)
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, max(left-countTime, left/2))
			defer cancel()
		}
		if line := run.close(ctx).Line(); line != "" {
			w.say(line)
		}
	}
}

// close ends everything. What is being delivered is taken in first.
func (run *running) close(ctx context.Context) export.Stats {
	if run.listener != nil {
		defer run.listener.Close()
		short, cancel := context.WithTimeout(ctx, drainLimit)
		defer cancel()
		// More time than that is better spent on sending.
		_ = run.listener.Drain(short)
	}
	return run.pipeline.Close(ctx)
}
