package local

import (
	"bytes"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// formatJSON is the value of logFormat for the JSON log format.
const (
	formatJSON = "JSON"
	logFormat  = "AWS_LAMBDA_LOG_FORMAT"
)

// maxLine is what a record has at most of a line, in bytes; the rest follows in
// further ones. It is the size of an event in CloudWatch Logs.
const maxLine = 256 << 10

// lines cuts what a process writes into lines.
type lines struct {
	each    func(line []byte, at time.Time)
	partial []byte // without its end yet
}

// write takes what was read at a time.
func (l *lines) write(p []byte, at time.Time) {
	for len(p) > 0 {
		line, rest, complete := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(l.partial); len(line) > room {
			line, rest, complete = line[:room], p[room:], true
		}
		p = rest
		if !complete {
			l.partial = append(l.partial, line...)
			return
		}
		if len(l.partial) > 0 {
			line = append(l.partial, line...)
			l.partial = nil
		}
		l.each(line, at)
	}
}

// end takes the end of the output, where a line may have no end.
func (l *lines) end(at time.Time) {
	if len(l.partial) > 0 {
		l.each(l.partial, at)
		l.partial = nil
	}
}

// lines returns what makes events of the lines of a process. Empty ones are
// left out.
func (g *generation) lines(kind string) func(line []byte, at time.Time) {
	format := getenv(g.env, logFormat)
	if g.function.InitType == ManagedInstances {
		format = formatJSON
	}
	return func(line []byte, at time.Time) {
		if len(line) > 0 && g.telemetry.heard() {
			g.telemetry.emit(logged(kind, line, at, format))
		}
	}
}

// functionLines and extensionLines are lines for the runtime and an extension.
func (g *generation) functionLines() func([]byte, time.Time) {
	return g.lines(telemetry.TypeFunctionLog)
}

func (g *generation) extensionLines() func([]byte, time.Time) {
	return g.lines(telemetry.TypeExtensionLog)
}
