package explain

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/show"
)

// The colours of a terminal.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

// A printer writes results as text.
type printer struct {
	*bufio.Writer
	colour bool
}

// Text writes results for people to read, with colours if wanted.
func Text(w io.Writer, results []Result, colour bool) error {
	p := printer{bufio.NewWriter(w), colour}
	for i, r := range results {
		if i > 0 {
			p.WriteString("\n")
		}
		p.result(r)
	}
	return p.Flush()
}

// line writes one line; what a file may have in it cannot steer the terminal.
func (p printer) line(colour, format string, args ...any) {
	text := show.Line(fmt.Sprintf(format, args...))
	if p.colour && colour != "" {
		text = "\x1b[" + colour + "m" + text + "\x1b[0m"
	}
	p.WriteString(text + "\n")
}

func (p printer) result(r Result) {
	p.line(bold, "%s", r.title())
	if len(r.Runtimes) > 1 {
		p.line(faint, "  the same for all of them; the command line is that of %s", r.Runtimes[len(r.Runtimes)-1])
	}
	for _, text := range r.Remarks {
		p.line(yellow, "  ! %s", text)
	}
	if r.Disabled {
		p.line("", "  GRAFT_DISABLE is set: the runtime starts as if graft was not there")
		return
	}
	if r.Assumed != "" {
		p.line(faint, "  (%s)", r.Assumed)
	}
	p.commandLine(r)
	p.environment(r)
	p.reasons(r)
	p.skips(yellow, "left out", r.Skipped)
	p.skips("", "notes", r.Notes)
	p.skips(faint, "not concerned", r.Unused)
}

// title names the function, its runtimes and what graft takes it for.
func (r Result) title() string {
	var parts []string
	if r.Function != "" {
		parts = append(parts, r.Function)
	}
	if len(r.Runtimes) > 0 {
		parts = append(parts, strings.Join(r.Runtimes, ", "))
	} else if r.Language != "" {
		parts = append(parts, strings.TrimSpace(r.Language+" "+r.Version))
	}
	return strings.Join(append(parts, r.Architecture), " · ")
}

func (p printer) commandLine(r Result) {
	if slices.Equal(r.Before, r.After) {
		p.line("", "  command line: unchanged")
		p.line(faint, "      %s", strings.Join(r.Before, " "))
		return
	}
	p.line("", "  command line")
	for _, l := range diff(r.Before, r.After) {
		colour := map[byte]string{'+': green, '-': red}[l.sign]
		p.line(colour, "    %c %s", l.sign, l.text)
	}
}

func (p printer) environment(r Result) {
	if len(r.Environment) == 0 {
		p.line("", "  environment: unchanged")
		return
	}
	p.line("", "  environment")
	for _, c := range r.Environment {
		if c.Before != nil {
			p.line(red, "    - %s=%s", c.Name, *c.Before)
		}
		p.line(green, "    + %s=%s", c.Name, c.After)
	}
}

// reasons lists the edits under the agents that ask for them.
func (p printer) reasons(r Result) {
	for _, agent := range agentsOf(r) {
		title := agent + " asks for it"
		for _, e := range r.Edits {
			if e.Agent == agent && e.Fragment != "" {
				title = agent + ", " + e.Fragment
				break
			}
		}
		if agent == "" {
			title = "graft itself"
		}
		p.line(bold, "  %s", title)
		for _, e := range r.Edits {
			if e.Agent == agent {
				p.line("", "    %s", e.Text)
				p.line(faint, "      %s", e.Reason)
			}
		}
	}
	for _, agent := range r.Agents {
		if !slices.ContainsFunc(r.Edits, func(e Edit) bool { return e.Agent == agent }) &&
			!slices.ContainsFunc(r.Wrappers, func(w Wrapper) bool { return w.Agent == agent }) {
			p.line("", "  %s: nothing to add: what it asks for is there already, is the function's own choice, or is for other runtimes", agent)
		}
	}
	for i, w := range r.Wrappers {
		who := w.Agent
		if who == "" {
			who = "GRAFT_NEXT"
		}
		p.line("", "  wrapper %d: %s (%s) runs with this command line before the runtime", i+1, w.Path, who)
	}
}

// agentsOf lists the agents that have edits, graft itself last.
func agentsOf(r Result) []string {
	var list []string
	for _, e := range r.Edits {
		if e.Agent != "" && !slices.Contains(list, e.Agent) {
			list = append(list, e.Agent)
		}
	}
	if slices.ContainsFunc(r.Edits, func(e Edit) bool { return e.Agent == "" }) {
		list = append(list, "")
	}
	return list
}

func (p printer) skips(colour, title string, list []Skip) {
	if len(list) == 0 {
		return
	}
	p.line(bold, "  %s", title)
	for _, s := range list {
		agent := s.Agent
		if agent != "" {
			agent += ": "
		}
		p.line(colour, "    %s%s", agent, s.Reason)
	}
}
