// Package show has what the output of graft's commands has in common: colours,
// JSON, and texts that may come from a hostile file.
package show

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"unicode"
)

// Coloured reports whether w is a terminal that wants colours: NO_COLOR and
// TERM=dumb say that it does not. https://no-color.org
func Coloured(w io.Writer, getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && Terminal(w)
}

// Terminal reports whether w is a terminal. /dev/null, another character device,
// counts as one; it does no harm there.
func Terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// JSON writes v for programs, and for people who look at it: indented, and
// with < > & as they are.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Line makes one line of a text that may come from a hostile file: what is not
// printable could steer a terminal, and becomes a question mark.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// Lines is [Line] for a text of several lines, which may be indented by tabs.
func Lines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		parts := strings.Split(line, "\t")
		for j, part := range parts {
			parts[j] = Line(part)
		}
		lines[i] = strings.Join(parts, "\t")
	}
	return strings.Join(lines, "\n")
}
