package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// maxLines bounds what a folder full of rubbish can make the wrapper print.
const maxLines = 100

// notStarted is the last line of a start that GRAFT_STRICT=1 ends.
const notStarted = "GRAFT_STRICT=1: the function is not started"

// notResolved ends what is said of a start that an unresolved reference ends: the
// one line there is, or else a last one.
const notResolved = "the function is not started without its settings: GRAFT_SECRETS=optional leaves out what cannot be had"

// report prints what GRAFT_LOG asks for, in one write.
func report(d inject.Decision, w io.Writer) {
	var out bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&out, "graft: "+format+"\n", args...) }
	warn := d.Settings.Log >= fragment.Warn
	alone := d.Fatal && len(d.Problems) == 1
	if warn || d.Settings.Strict || d.Fatal {
		for i, p := range d.Problems {
			if i == maxLines {
				line("and %d more problems", len(d.Problems)-maxLines)
				break
			}
			text := p.String()
			if alone {
				text += ": " + notResolved
			}
			line("%s", oneLine(text))
		}
	}
	if len(d.Misnamed) > 0 && d.Settings.Log >= fragment.Info {
		line("GRAFT_DISABLE: a name in it is no agent's here, and switches nothing off")
	}
	if warn {
		for _, w := range d.Warnings {
			line("%s", oneLine(w))
		}
	}
	switch {
	case alone: // said above
	case d.Fatal:
		line(notResolved)
	case d.Settings.Strict && len(d.Problems) > 0:
		line(notStarted)
	}
	rt := d.Plan.Runtime
	if d.Settings.Log >= fragment.Info && rt.Language != "" && !d.Fatal {
		agents := "no agents"
		if len(d.Plan.Agents) > 0 {
			agents = strings.Join(d.Plan.Agents, ", ")
		}
		name := string(rt.Language)
		if rt.Version.Known() {
			name += " " + rt.Version.String()
		}
		line("%s: %s", name, agents)
		for _, n := range d.Plan.Notes {
			line("%s: %s: %s", rt.Language, n.Agent, oneLine(n.Text))
		}
	}
	if d.Settings.Log >= fragment.Debug {
		for _, u := range d.References {
			line("asked for: %s", oneLine(u.String()))
		}
		for _, e := range d.Plan.Edits {
			line("%s: %s", rt.Language, oneLine(describe(e)))
		}
		for _, next := range d.Plan.Wrappers {
			line("%s: then %s", rt.Language, next.Path)
		}
	}
	if out.Len() > 0 {
		// A closed standard error is no reason to stop.
		_, _ = w.Write(out.Bytes())
	}
}

// describe says what an edit does. It holds nothing that graft does not add,
// and of that no value that may be a secret: those of plain variables, system
// properties, agents' options and resource attributes.
func describe(e inject.Edit) string {
	agent := e.Agent
	if agent == "" {
		agent = "graft"
	}
	s := agent + ": " + e.Kind.String()
	switch e.Kind {
	case inject.InsertArgument:
		s += fmt.Sprintf(" before argument %d: %s", e.At, visible(e.Added))
	case inject.ReplaceArgument:
		s += fmt.Sprintf(" argument %d, %s: %s", e.At, e.Name, e.Added)
	case inject.RemoveArgument:
		s += fmt.Sprintf(" argument %d, %s", e.At, e.Name)
	case inject.KeepHandler:
		s += " in " + e.Name
	case inject.SetHandler:
		s += ": " + e.Added
	case inject.SetVariable:
		s += " " + e.Name
	default:
		s += " " + e.Name + ": " + visible(e.Added)
	}
	if e.Why != "" {
		s += " (" + e.Why + ")"
	}
	return s
}

// visible cuts the value off a word that may hold a secret.
func visible(text string) string {
	name, value, found := strings.Cut(text, "=")
	option := strings.TrimLeft(name, `'"`)
	if !found || value == "" || strings.HasPrefix(option, "-") && !secretive(option) {
		return text
	}
	return name + "=…"
}

// secretive reports whether an option's value may be a secret.
func secretive(option string) bool {
	for _, prefix := range []string{"-D", "-javaagent:", "-agentpath:", "-agentlib:"} {
		if strings.HasPrefix(option, prefix) {
			return true
		}
	}
	return false
}

// oneLine keeps a message in one line: each line is one log event.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
