package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/graft-lambda/graft/internal/show"
)

// A progress shows how much of a file is written: on a terminal as a bar that is
// drawn anew for each percent, elsewhere as one line at the start.
type progress struct {
	out      io.Writer
	name     string
	terminal bool
	shown    int   // the percentage on the terminal; -1 at the start
	total    int64 // bytes
}

// newProgress shows on out how the file called name is written.
func newProgress(out io.Writer, name string) *progress {
	return &progress{out: out, name: name, terminal: isTerminal(out), shown: -1}
}

// set shows that done of total bytes are written.
func (p *progress) set(done, total int64) {
	p.total = total
	percent := 100
	if total > 0 {
		percent = int(100 * done / total)
	}
	switch {
	case p.terminal && percent != p.shown:
		fmt.Fprintf(p.out, "\r%s\x1b[K", bar(p.name, percent))
	case !p.terminal && p.shown < 0:
		fmt.Fprintf(p.out, "packing %s\n", p.name)
	}
	p.shown = percent
}

// end wipes the bar off the terminal. It may be called again.
func (p *progress) end() {
	if p.terminal && p.shown >= 0 {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.shown = -1
}

// bar draws a bar for a terminal of 80 columns.
func bar(name string, percent int) string {
	const width, longest = 30, 40
	if runes := []rune(name); len(runes) > longest {
		name = "…" + string(runes[len(runes)-longest+1:])
	}
	full := width * percent / 100
	return fmt.Sprintf("%3d%% %s%s %s", percent, strings.Repeat("█", full), strings.Repeat("░", width-full), name)
}

// isTerminal reports whether out is a terminal that can go back to the start of
// a line.
func isTerminal(out io.Writer) bool {
	term := os.Getenv("TERM")
	return term != "" && term != "dumb" && show.Terminal(out)
}
