package check

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the report for people: a block for each finding and a line that
// sums up.
func (r Report) Print(w io.Writer) error {
	var out strings.Builder
	for _, f := range r.Findings {
		place := f.Path
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, f.Line)
		}
		fmt.Fprintf(&out, "%-7s  %s  %s  %s\n         fix: %s\n", f.Severity, f.Code, place, f.Message, f.Fix)
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
