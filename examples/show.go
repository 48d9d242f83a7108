package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
)

// vendors are whose agents a receiver.Span comes from.
var vendors = map[string]string{
	"otlp": "OpenTelemetry", "elastic": "Elastic", "datadog": "Datadog", "newrelic": "New Relic", "sentry": "Sentry",
}

// invocations is how often the demo calls each function.
const invocations = 2

// show runs one example on one runtime and prints what happened.
func show(ctx context.Context, w io.Writer, k *kit, ex example, rt testbed.Runtime) error {
	recv, err := receiver.New()
	if err != nil {
		return err
	}
	defer recv.Close()
	f, err := k.function(ctx, ex, rt, recv)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", ex.dir, title(rt), err)
	}
	fmt.Fprintf(w, "%s: an unmodified function on %s\n", ex.dir, title(rt))
	if rt.StandIn != "" {
		fmt.Fprintf(w, "  stand-in   %s\n", rt.StandIn)
	}
	if agent, why := leftOut(rt); agent != "" {
		fmt.Fprintf(w, "  left out   %s: %s\n", agent, why)
	}
	command := strings.Join(f.Command, " ")
	if f.Managed {
		command = "/opt/graft " + command
	}
	fmt.Fprintf(w, "  command    %s\n", shorten(command))
	var log bytes.Buffer
	f.Stdout, f.Stderr = &log, &log
	responses, err := invokeAll(ctx, f)
	k.printLog(w, log.String())
	if err != nil {
		return err
	}
	for _, r := range responses {
		fmt.Fprintf(w, "  answer     %s  (%.0f ms)\n", shorten(string(r.Body)), float64(r.Duration.Microseconds())/1000)
	}
	for _, s := range recv.Spans() {
		if standsForInvocation(s) {
			fmt.Fprintf(w, "  exported   by %s: %s span %q, trace %s\n", vendors[s.Vendor], s.Kind, s.Name, s.TraceID)
		}
	}
	fmt.Fprintln(w)
	return recv.Err()
}

// standsForInvocation tells the one span that an agent makes for an invocation
// from those that it makes of what the function does.
func standsForInvocation(s receiver.Span) bool {
	if s.Vendor == "sentry" { // requests that other agents send are transactions too
		return strings.HasPrefix(s.Attributes["op"], "function.")
	}
	return s.Kind == "server" || s.Kind == "transaction"
}

// printLog shows what the function and its agents wrote: the first lines, or
// all of them if asked.
func (k *kit) printLog(w io.Writer, log string) {
	const most = 5
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for i, line := range lines {
		if i == most && !k.verbose {
			fmt.Fprintf(w, "  log        … and %d lines more (-v shows them)\n", len(lines)-most)
			return
		}
		fmt.Fprintf(w, "  log        %s\n", shorten(strings.TrimSpace(line)))
	}
}

// invokeAll starts the function, calls it and stops it. What an agent still
// holds it may send at the end.
func invokeAll(ctx context.Context, f local.Function) ([]local.Response, error) {
	start, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	env, err := local.Start(start, f)
	if err != nil {
		return nil, err
	}
	defer env.Stop(context.WithoutCancel(ctx))
	var responses []local.Response
	for i := range invocations {
		r, err := env.Invoke(ctx, fmt.Appendf(nil, `{"call":%d}`, i+1))
		if err == nil && r.FunctionError != "" {
			err = errors.New(string(r.Body))
		}
		if err != nil {
			return responses, err
		}
		responses = append(responses, r)
	}
	return responses, env.Stop(ctx)
}

// title names a runtime and where it is.
func title(rt testbed.Runtime) string {
	if rt.Version == "" {
		return rt.Name
	}
	return fmt.Sprintf("%s (%s)", rt.Name, rt.Version)
}

// shorten cuts a line that would not fit on a screen.
func shorten(s string) string {
	const most = 150
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
