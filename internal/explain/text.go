package explain

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/graft-lambda/graft/internal/show"
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
func (p printer) line(colour show.Colour, format string, args ...any) {
	text := show.Line(fmt.Sprintf(format, args...))
	if p.colour {
		text = colour.In(text)
	}
	p.WriteString(text + "\n")
}

// columns is how wide the lines are into which a text is broken.
const columns = 80

// text writes a line that may be broken between words. The lines that follow
// the first are two columns further in.
func (p printer) text(colour show.Colour, format string, args ...any) {
	text := show.Line(fmt.Sprintf(format, args...))
	words := strings.TrimLeft(text, " ")
	indent, line := text[:len(text)-len(words)], ""
	for word := range strings.SplitSeq(words, " ") {
		switch {
		case line == "":
			line = indent + word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns:
			p.line(colour, "%s", line)
			line = indent + "  " + word
		default:
			line += " " + word
		}
	}
	p.line(colour, "%s", line)
}

func (p printer) result(r Result) {
	p.text(show.Bold, "%s", r.title())
	if len(r.Runtimes) > 1 {
		p.text(show.Faint, "  the same for all of them; shown is the command line of %s", r.Runtimes[len(r.Runtimes)-1])
	}
	for _, text := range r.Remarks {
		p.text(show.Yellow, "  ! %s", text)
	}
	if r.Nested != "" {
		p.text(show.Yellow, "  ! a nested template (%s): what it has is not explained; give it to --template by itself; after sam build, the one below .aws-sam/build", r.Nested)
		return
	}
	if r.Error != "" {
		p.text(show.Red, "  cannot be explained: %s", r.Error)
		return
	}
	if len(r.DoesNotStart) > 0 {
		p.text(show.Bold, "  the function does not start")
		for _, text := range r.DoesNotStart {
			p.text(show.Red, "    %s", text)
		}
	}
	if r.Disabled {
		p.text("", "  GRAFT_DISABLE is set: the runtime starts as if graft was not there")
		return
	}
	if r.Assumed != "" {
		p.text(show.Faint, "  (%s)", r.Assumed)
	}
	p.commandLine(r)
	p.environment(r)
	p.references(r.References)
	p.reasons(r)
	p.skips(show.Yellow, "left out", r.Skipped)
	p.skips("", "notes", r.Notes)
	p.unused(r.Unused)
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
	if r.Architecture != "" {
		parts = append(parts, r.Architecture)
	}
	return strings.Join(parts, " · ")
}

func (p printer) commandLine(r Result) {
	if slices.Equal(r.Before, r.After) {
		p.text("", "  command line: unchanged")
		p.text(show.Faint, "      %s", strings.Join(r.Before, " "))
		return
	}
	p.text("", "  command line")
	for _, l := range diff(r.Before, r.After) {
		colour := map[byte]show.Colour{'+': show.Green, '-': show.Red}[l.sign]
		p.line(colour, "    %c %s", l.sign, l.text)
	}
}

func (p printer) environment(r Result) {
	if len(r.Environment) == 0 {
		p.text("", "  environment: unchanged")
		return
	}
	p.text("", "  environment")
	for _, c := range r.Environment {
		if c.Before != nil {
			p.line(show.Red, "    - %s=%s", c.Name, *c.Before)
		}
		p.line(show.Green, "    + %s=%s", c.Name, c.After)
	}
}

// reasons lists the edits under the agents that ask for them.
func (p printer) reasons(r Result) {
	for _, agent := range agentsOf(r) {
		title := agent
		for _, e := range r.Edits {
			if e.Agent == agent && !strings.Contains(title+",", ", "+e.Fragment+",") {
				title += ", " + e.Fragment
			}
		}
		if agent == "" {
			title = "graft itself"
		}
		p.text(show.Bold, "  %s", title)
		edits := slices.DeleteFunc(slices.Clone(r.Edits), func(e Edit) bool { return e.Agent != agent })
		for i, e := range edits {
			p.text("", "    %s", e.Text)
			if i+1 == len(edits) || edits[i+1].Reason != e.Reason {
				p.text(show.Faint, "        %s", e.Reason)
			}
		}
	}
	for _, agent := range r.Agents {
		if !slices.ContainsFunc(r.Edits, func(e Edit) bool { return e.Agent == agent }) &&
			!slices.ContainsFunc(r.Wrappers, func(w Wrapper) bool { return w.Agent == agent }) {
			p.text("", "  %s: nothing to add: what it asks for is there already, is the function's own choice, or is for other runtimes", agent)
		}
	}
	for i, w := range r.Wrappers {
		who := w.Agent
		if who == "" {
			who = "GRAFT_NEXT"
		}
		p.text("", "  wrapper %d: %s (%s) runs with this command line before the runtime", i+1, w.Path, who)
	}
}

// agentsOf lists the agents that have edits in their order, graft itself last.
func agentsOf(r Result) []string {
	agents := append(slices.Clone(r.Agents), "")
	return slices.DeleteFunc(agents, func(agent string) bool {
		return !slices.ContainsFunc(r.Edits, func(e Edit) bool { return e.Agent == agent })
	})
}

// unused lists fragments by their files: another one of the same agent may well
// count.
func (p printer) unused(list []Skip) {
	if len(list) > 0 {
		p.text(show.Bold, "  not concerned")
	}
	for _, s := range list {
		p.text(show.Faint, "    %s, %s: %s", s.Agent, s.Fragment, s.Reason)
	}
}

func (p printer) skips(colour show.Colour, title string, list []Skip) {
	if len(list) == 0 {
		return
	}
	p.text(show.Bold, "  %s", title)
	for _, s := range list {
		agent := s.Agent
		if agent != "" {
			agent += ": "
		}
		p.text(colour, "    %s%s", agent, s.Reason)
	}
}
