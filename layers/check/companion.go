package check

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/layers"
)

// hasCompanion reports whether the stack has the companion in a variant.
func hasCompanion(r *root, c layers.Companion) bool {
	return r.has("/opt/" + layers.CompanionFile(c))
}

// companion checks that there is one companion where one is asked for.
func (s *stack) companion(r *root, list []fragment.Fragment) {
	external, forked := hasCompanion(r, layers.External), hasCompanion(r, layers.Forked)
	switch {
	case external && forked:
		s.whole("companion-twice", "/opt/%s and /opt/%s: programs run, and telemetry is sent, twice", layers.CompanionFile(layers.External), layers.CompanionFile(layers.Forked))
	case external || forked || s.open || len(s.sources) > 0:
	default:
		for _, f := range list {
			if len(f.Run) > 0 {
				s.add(r, "companion-missing", f.File, s.lineOf(r, f.File, "GRAFT_RUN"), "GRAFT_RUN, but no layer has the companion, which runs it")
			}
		}
		if s.telemetry() {
			s.whole("companion-missing", "GRAFT_TELEMETRY, but no layer has the companion, which sends it")
		}
	}
}

var (
	errNotExecutable = errors.New("may not be executed")
	errNotRegular    = errors.New("is a directory")
)

// Startable returns why the companion cannot start the program of a GRAFT_RUN;
// nil if nothing speaks against it. root is the file system of the function. Of
// a program that does not stand in a layer nothing is known.
func Startable(root fs.FS, program string) error {
	file := path.Clean(program)
	if !strings.HasPrefix(file, "/opt/") {
		return nil
	}
	switch info, err := fs.Stat(root, fragment.Rel(file)); {
	case err != nil:
		return fragment.Cause(err)
	case !info.Mode().IsRegular():
		return errNotRegular
	case info.Mode()&0o111 == 0:
		return errNotExecutable
	}
	return nil
}

// telemetry reports whether the function asks for its telemetry.
func (s *stack) telemetry() bool {
	value, _ := fragment.Lookup(s.vars, "GRAFT_TELEMETRY")
	return value != ""
}
