package session

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/graft-lambda/graft/internal/show"
)

// maxLine is how many bytes of a line are held; a longer one comes in pieces.
const maxLine = 16 << 10

// An output is where the lines of all sources meet, one at a time.
type output struct {
	mu      sync.Mutex
	w       io.Writer
	sources []*source
}

// A source passes on lines as they are complete, each with its name before it.
type source struct {
	out    *output
	prefix string
	line   []byte
}

func (o *output) source(name string) *source {
	// A file's name may hold anything.
	s := &source{out: o, prefix: show.Line(name) + " | "}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sources = append(o.sources, s)
	return s
}

// Write never fails: that nobody reads must not end a function.
func (s *source) Write(p []byte) (int, error) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		part, rest := p, []byte(nil)
		end := bytes.IndexByte(p, '\n')
		if end >= 0 {
			part, rest = p[:end], p[end+1:]
		}
		if room := maxLine - len(s.line); len(part) > room {
			part, rest, end = p[:room], p[room:], room
		}
		s.line = append(s.line, part...)
		if end >= 0 {
			s.emit()
		}
		p = rest
	}
	return n, nil
}

// Flush writes a last line that has no end: its process writes no more.
func (s *source) Flush() {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if len(s.line) > 0 {
		s.emit()
	}
}

// emit writes the line that is held. Carriage returns in it, by which AWS's
// runtime clients keep a stack trace in one event, would have a terminal write
// one part over the other. The caller holds mu.
func (s *source) emit() {
	var text []byte
	for part := range bytes.SplitSeq(bytes.TrimSuffix(s.line, []byte("\r")), []byte("\r")) {
		text = fmt.Appendf(text, "%s%s\n", s.prefix, part)
	}
	_, _ = s.out.w.Write(text)
	s.line = s.line[:0]
}

// flush writes the last lines that have no end.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.sources {
		if len(s.line) > 0 {
			s.emit()
		}
	}
}

// say writes a line of graft's own, in which a layer's words may be.
func (o *output) say(format string, args ...any) {
	o.write([]byte("graft: " + show.Line(fmt.Sprintf(format, args...)) + "\n"))
}

// hint says what to do, if there is something to say.
func (o *output) hint(text string) {
	if text != "" {
		o.say("hint: %s", text)
	}
}

func (o *output) write(lines []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.w.Write(lines)
}
