package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
)

// vendors are whose agents a receiver.Span comes from.
var vendors = map[string]string{
	"otlp": "OpenTelemetry", "elastic": "Elastic", "datadog": "Datadog", "newrelic": "New Relic", "sentry": "Sentry",
}

// legend explains what show prints.
const legend = `Each function runs as Lambda would run it, with graft's layer:
  agents     what graft has loaded into it
  log        what was written, by the function, its agents and the programs beside it
  answer     what the function returned
  spans      what an agent has exported
  telemetry  what Lambda told of it to graft's companion, the extension beside it

`

// show runs one example on one runtime and prints what happened.
func show(ctx context.Context, w io.Writer, k *kit, ex example, rt testbed.Runtime) error {
	fmt.Fprintf(w, "%s: an unmodified function on %s\n", ex.dir, title(rt))
	tr, err := k.try(ctx, ex, rt)
	command := strings.Join(tr.function.Command, " ")
	if tr.function.Managed {
		command = "/opt/graft " + command
	}
	line(w, "command", command)
	if rt.StandIn != "" {
		line(w, "stand-in", rt.StandIn)
	}
	if agent, why := leftOut(rt); agent != "" {
		line(w, "left out", agent+": "+why)
	}
	agents, log := loaded(tr.log)
	line(w, "agents", agents)
	k.printLog(w, log+tr.companion)
	if err != nil {
		return err
	}
	for _, r := range tr.responses {
		line(w, "answer", string(r.Body))
	}
	for _, sum := range summed(tr.spans) {
		line(w, "spans", sum)
	}
	line(w, "telemetry", tr.figures.String())
	fmt.Fprintln(w)
	return nil
}

// line prints one thing about a function, unless it is empty.
func line(w io.Writer, label, text string) {
	if text = strings.TrimSpace(text); text != "" {
		fmt.Fprintf(w, "  %-10s %s\n", label, shorten(text))
	}
}

// loaded returns which agents graft says that it has loaded, and the log
// without that line.
func loaded(log string) (agents, rest string) {
	for text := range strings.Lines(log) {
		text = strings.TrimSuffix(text, "\n")
		// "graft: java 21.0.8: otel, elastic", but "graft: java: otel: skipped: …"
		said, ok := strings.CutPrefix(text, "graft: ")
		if _, names, is := strings.Cut(said, ": "); ok && is && agents == "" && !strings.Contains(names, ": ") {
			agents = names
			continue
		}
		rest += text + "\n"
	}
	return agents, rest
}

// summed has a line for each vendor whose agent exported spans that stand for
// invocations.
func summed(spans []receiver.Span) (list []string) {
	count, name := map[string]int{}, map[string]string{}
	for _, s := range spans {
		if standsForInvocation(s) {
			count[s.Vendor]++
			name[s.Vendor] = s.Name
		}
	}
	for vendor, n := range count {
		list = append(list, fmt.Sprintf("%d by %s: %q", n, vendors[vendor], name[vendor]))
	}
	slices.Sort(list)
	return list
}

// printLog shows what the function, its agents and the companion's programs
// wrote: the first lines, or all of them if asked.
func (k *kit) printLog(w io.Writer, log string) {
	const most = 4
	shown, more := 0, 0
	for text := range strings.Lines(log) {
		switch {
		case isTelemetry(text):
		case shown == most && !k.verbose:
			more++
		default:
			line(w, "log", text)
			shown++
		}
	}
	if more > 0 {
		line(w, "log", fmt.Sprintf("… and %d more (-v shows all)", more))
	}
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
	const most = 110
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
