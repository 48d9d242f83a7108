package keep

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/graft-lambda/graft/internal/show"
)

// maxOutput bounds what is held of either stream of a command, in bytes.
const maxOutput = 1 << 20

// A Command is one program that is run to its end.
type Command struct {
	Dir  string
	Env  []string // added to this process's own
	Argv []string
}

// Run runs c and returns its standard output; more than 1 MiB of it is an
// error. When ctx ends, c and all that it has started end too. The error holds
// the first and the last lines that c printed.
func Run(ctx context.Context, c Command) (string, error) {
	name := filepath.Base(c.Argv[0])
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	// A build's children must end with it, or they would hold its pipes open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, errs := last{most: maxOutput}, last{most: maxOutput}
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	switch {
	case err != nil && ctx.Err() != nil: // what a killed program printed explains nothing
		return "", fmt.Errorf("%s: %w", name, context.Cause(ctx))
	case err != nil:
		return "", fmt.Errorf("%s: %w%s", name, err, ends(string(out.data)+string(errs.data)))
	case out.cut:
		return "", fmt.Errorf("%s: printed more than %d bytes", name, maxOutput)
	}
	return string(out.data), nil
}

// last keeps the last bytes written to it, at least most of them.
type last struct {
	most int
	data []byte
	cut  bool
}

func (l *last) Write(p []byte) (int, error) {
	l.data = append(l.data, p...)
	if len(l.data) > 2*l.most {
		l.data = append(l.data[:0], l.data[len(l.data)-l.most:]...)
	}
	l.cut = l.cut || len(l.data) > l.most
	return len(p), nil
}

// colours are what programs write to a terminal, and Maven to any file.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// How many lines of what a command printed an error shows.
const (
	firstLines = 6
	lastLines  = 10
)

// ends returns the first and the last lines of text, indented, each on a line
// of its own and not too long to read. What they say may be a package's words:
// nothing in them speaks to the terminal. The reason stands in the first ones where
// a program goes on with its usage, as npm does, and else in the last ones.
func ends(text string) string {
	const longest = 500
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	if len(lines) > firstLines+lastLines {
		lines = slices.Concat(lines[:firstLines], []string{"…"}, lines[len(lines)-lastLines:])
	}
	for i, line := range lines {
		line = strings.ToValidUTF8(line[:min(len(line), longest)], "")
		lines[i] = show.Line(strings.ReplaceAll(colours.ReplaceAllString(line, ""), "\t", "    "))
	}
	return "\n\t" + strings.Join(lines, "\n\t")
}
