package timeline

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/graft-lambda/graft/internal/show"
)

// A Style says how a timeline is to look.
type Style struct {
	Width  int  // columns; 80 if 0, at least 60
	Colour bool // with the escape sequences of a terminal
}

// shown is how many invocations are drawn; the others are summed up.
const shown = 20

// Columns of a line: two blanks, the name, the bar, the time.
const (
	nameColumns = 22
	timeColumns = 11
)

// labels are the spans of the telemetry in words. They stand below "runtime".
var labels = map[string]string{
	"responseLatency":   "  until the answer",
	"responseDuration":  "  sending it",
	"runtimeOverhead":   "  after it",
	"extensionOverhead": "extensions, after it",
}

// Write draws t: a line for each phase, below it one for each of its parts,
// with a bar on the scale of that phase.
func (t Timeline) Write(w io.Writer, style Style) error {
	if style.Width == 0 {
		style.Width = 80
	}
	style.Width = max(style.Width, 60)
	d := drawing{Style: style}
	var more []float64
	invocations := 0
	for _, p := range t.Phases {
		if p.Name == "invoke" {
			if invocations++; invocations > shown && !p.failed() {
				more = append(more, p.DurationMs)
				continue
			}
		}
		if p.Name == "shutdown" {
			d.more(more)
			more = nil
		}
		d.phase(p, invocations)
	}
	d.more(more)
	if m := t.Memory; m.SizeMB > 0 {
		d.line("memory", fmt.Sprintf("at most %.0f of %.0f MB", m.MaxUsedMB, m.SizeMB), "", "")
	}
	if dropped := t.Dropped; dropped.Records > 0 {
		d.line("telemetry", fmt.Sprintf("%.0f events (%.0f bytes) dropped", dropped.Records, dropped.Bytes), "", show.Red)
	}
	_, err := io.WriteString(w, d.text.String())
	return err
}

// A drawing is a timeline on its way to text.
type drawing struct {
	Style
	text strings.Builder
}

func (d *drawing) phase(p Phase, number int) {
	var about []string
	colour := show.Bold
	switch {
	case p.failed():
		colour = show.Red
		if p.FunctionErrorType != "" {
			p.Status, p.ErrorType = "error", p.FunctionErrorType
		}
		about = append(about, strings.TrimSpace(p.Status+" "+p.ErrorType))
	case p.Status == "":
		about = append(about, "not over")
	}
	title := p.Name
	switch p.Name {
	case "init":
		about = append(about, p.InitType)
		if p.Again {
			about = append(about, "within the invocation")
		}
	case "invoke":
		title = fmt.Sprintf("invoke %d", number)
		about = append(about, p.RequestID)
	}
	about = slices.DeleteFunc(about, func(s string) bool { return s == "" })
	room := d.Width - 2 - nameColumns
	took := milliseconds(p.DurationMs)
	for i, line := range wrap(about, room-timeColumns, room) {
		if i > 0 {
			title, took = "", ""
		}
		d.line(title, line, took, colour)
	}
	for _, b := range p.Bars {
		d.bar(b, p.DurationMs)
	}
}

// more sums up the invocations that are not drawn.
func (d *drawing) more(durations []float64) {
	if len(durations) == 0 {
		return
	}
	slices.Sort(durations)
	d.line(fmt.Sprintf("and %d more", len(durations)),
		fmt.Sprintf("half within %s, the longest %s", milliseconds(durations[len(durations)/2]), milliseconds(durations[len(durations)-1])), "", show.Faint)
}

// line writes a line without a bar.
func (d *drawing) line(title, about, took string, colour show.Colour) {
	// Where there is no time to the right, the text may have its columns.
	room := d.Width - 2 - nameColumns
	if took != "" {
		room -= timeColumns
	}
	about = fit(about, room)
	line := fmt.Sprintf("%s  %s", pad(fit(title, nameColumns), nameColumns), about)
	if took != "" {
		line = pad(line, d.Width-timeColumns) + fmt.Sprintf("%*s", timeColumns, took)
	}
	d.text.WriteString(d.in(colour, strings.TrimRight(line, " ")) + "\n")
}

// wrap spreads the parts over lines: a request id is of use only as a whole.
// The first line has its own number of columns.
func wrap(parts []string, first, others int) []string {
	lines, room := []string{""}, first
	for _, part := range parts {
		last := &lines[len(lines)-1]
		joined := part
		if *last != "" {
			joined = *last + ", " + part
		}
		if utf8.RuneCountInString(joined) <= room {
			*last = joined
			continue
		}
		lines, room = append(lines, part), others
	}
	return lines
}

func (d *drawing) bar(b Bar, whole float64) {
	name := b.Name
	colour := show.Cyan
	if label, ok := labels[b.Name]; ok {
		name = label
	}
	if strings.HasPrefix(name, "  ") {
		colour = show.Faint
	}
	if b.Failed {
		colour = show.Red
	}
	columns := d.Width - 2 - nameColumns - timeColumns
	from, to := scale(b.StartMs, whole, columns), scale(b.EndMs, whole, columns)
	from = min(from, columns-1)
	to = max(to, from+1)
	bar := strings.Repeat(" ", from) + d.in(colour, strings.Repeat("█", to-from)) + strings.Repeat(" ", columns-to)
	fmt.Fprintf(&d.text, "  %s%s%*s\n", pad(fit(name, nameColumns-1), nameColumns), bar, timeColumns, milliseconds(b.EndMs-b.StartMs))
}

func (d *drawing) in(colour show.Colour, text string) string {
	if !d.Colour {
		return text
	}
	return colour.In(text)
}

// scale returns the column of at, of so many for the whole.
func scale(at, whole float64, columns int) int {
	if whole <= 0 {
		return 0
	}
	return min(max(int(at/whole*float64(columns)+0.5), 0), columns)
}

func milliseconds(ms float64) string {
	if ms >= 10_000 {
		return fmt.Sprintf("%.2f s", ms/1000)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// fit cuts text to so many columns. What would move the cursor is no part of
// a name.
func fit(text string, columns int) string {
	runes := []rune(show.Line(text))
	if len(runes) > columns {
		return string(runes[:columns-1]) + "…"
	}
	return string(runes)
}

func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-len([]rune(text))))
}
