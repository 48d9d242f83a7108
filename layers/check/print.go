package check

import (
	"fmt"
	"io"
	"strings"

	"github.com/graft-lambda/graft/internal/show"
)

var colours = map[Severity]show.Colour{Error: show.Red, Warning: show.Yellow}

// Print writes the report for people, with colours if wanted: a block for each
// finding and a line that sums up.
func (r Report) Print(w io.Writer, colour bool) error {
	var out strings.Builder
	for _, f := range r.Findings {
		place := f.Path
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, f.Line)
		}
		severity := fmt.Sprintf("%-7s", f.Severity)
		if colour {
			severity = colours[f.Severity].In(severity)
		}
		fmt.Fprintf(&out, "%s  %s  %s  %s\n         fix: %s\n", severity, f.Code, place, f.Message, f.Fix)
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

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
