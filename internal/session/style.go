package session

import (
	"io"
	"os"

	"github.com/graft-lambda/graft/internal/timeline"
)

// StyleOf returns the style for what is written to w: in colour on a terminal,
// unless NO_COLOR or TERM=dumb says otherwise. https://no-color.org
func StyleOf(w io.Writer, getenv func(string) string) timeline.Style {
	file, ok := w.(*os.File)
	if !ok || getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return timeline.Style{}
	}
	info, err := file.Stat()
	return timeline.Style{Colour: err == nil && info.Mode()&os.ModeCharDevice != 0}
}
