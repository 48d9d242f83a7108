package check

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/graft-lambda/graft/internal/show"
)

var colours = map[Severity]show.Colour{Error: show.Red, Warning: show.Yellow}

// Print writes the report for people, with colours if wanted: a block for each
// finding, which is where and of what kind, then what is wrong and what to do;
// and a line that sums up. A line is longer than 80 columns only for a word
// that is.
func (r Report) Print(w io.Writer, colour bool) error {
	var out strings.Builder
	for _, f := range r.Findings {
		place := f.Path
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, f.Line)
		}
		block(&out, colour, f.Severity, place+"  "+f.Code, f.Message, f.Fix)
	}
	errors, warnings := r.Count()
	found := "no findings"
	if errors+warnings > 0 {
		found = plural(errors, "error") + ", " + plural(warnings, "warning")
	}
	fmt.Fprintf(&out, "%s, %s\n", plural(r.Files, "file"), found)
	_, err := io.WriteString(w, out.String())
	return err
}

// Print writes the rule for people, in the form of its findings.
func (r Rule) Print(w io.Writer, colour bool) error {
	var out strings.Builder
	block(&out, colour, r.Severity, r.Code, r.Title, r.Remedy)
	_, err := io.WriteString(w, out.String())
	return err
}

// block writes how bad it is and what, then what is wrong and what to do.
func block(out *strings.Builder, colour bool, s Severity, what, wrong, fix string) {
	severity := fmt.Sprintf("%-7s", s)
	if colour {
		severity = colours[s].In(severity)
	}
	fmt.Fprintf(out, "%s  %s\n", severity, what)
	fold(out, "", wrong)
	fold(out, "fix: ", fix)
}

// fold writes a text behind a label, below a finding's place: the lines end at
// blanks, and all but the first stand below the text's start.
func fold(out *strings.Builder, label, text string) {
	const width, margin = 80, len("warning  ")
	indent := strings.Repeat(" ", margin+len(label))
	line := strings.Repeat(" ", margin) + label
	left := width - len(indent)
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case n+1 > left:
			out.WriteString(line + "\n")
			line, left = indent, width-len(indent)
		default:
			line, left = line+" ", left-1
		}
		line, left = line+word, left-n
	}
	out.WriteString(line + "\n")
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
