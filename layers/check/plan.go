package check

import (
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
)

// plan plans the fragments for each runtime. What would be left out becomes a
// finding.
func (s *stack) plan(r *root, arch string, list []fragment.Fragment) {
	runtimes := s.runtimes
	if len(runtimes) == 0 {
		runtimes = managed.Runtimes
	}
	left := map[inject.Skip][]managed.Runtime{}
	counts := map[string][]managed.Runtime{} // runtimes in which a fragment counts, by file
	for _, rt := range runtimes {
		for _, f := range list {
			if isFor(f, rt) {
				counts[f.File] = append(counts[f.File], rt)
			}
			s.bound(r, f, rt)
		}
		for _, skip := range skips(r, rt, arch, s.vars, list) {
			left[skip] = append(left[skip], rt)
		}
	}
	for skip, in := range left {
		i := slices.IndexFunc(list, func(f fragment.Fragment) bool { return f.Name == skip.Agent })
		if i < 0 {
			continue // about graft's own parts
		}
		s.skipped(r, list[i], skip, in, counts[list[i].File])
	}
}

// A bound is the GRAFT_RUNTIMES of one fragment of one layer, and where it
// holds among the runtimes that were looked at.
type bound struct {
	layer *Layer
	place string
	line  int
	holds bool
	// fails are the runtimes of its languages in which it does not hold.
	fails []string
}

// bound notes whether a fragment's GRAFT_RUNTIMES holds in a runtime.
func (s *stack) bound(r *root, f fragment.Fragment, rt managed.Runtime) {
	l, place := s.fragmentPlace(r, f.File)
	if l == nil || len(f.Runtimes) == 0 || len(f.Run) > 0 && len(f.Vars) == 0 {
		return // GRAFT_RUNTIMES does not concern GRAFT_RUN
	}
	b := s.bounds[place]
	if b == nil {
		b = &bound{layer: l, place: place, line: s.lineOf(r, f.File, "GRAFT_RUNTIMES")}
		s.bounds[place] = b
	}
	switch {
	case isFor(f, rt):
		b.holds = true
	case slices.ContainsFunc(f.Runtimes, func(b fragment.Bound) bool { return b.Language == rt.Language }) && !slices.Contains(b.fails, rt.Name):
		b.fails = append(b.fails, rt.Name)
	}
}

// unmatched notes the fragments that count in none of the runtimes, though
// some of them are of their language.
func (c *checking) unmatched() {
	for _, b := range c.bounds {
		if !b.holds && len(b.fails) > 0 {
			b.layer.found.add("runtime-bound-unmatched", b.place, b.line, "does not hold for %s", strings.Join(b.fails, ", "))
		}
	}
}

// skipped makes a finding of an agent that is left out in some runtimes, of
// all in which it counts.
func (s *stack) skipped(r *root, f fragment.Fragment, skip inject.Skip, in, counts []managed.Runtime) {
	// What it loads in another language is another matter.
	all := 0
	for _, rt := range counts {
		if slices.ContainsFunc(in, func(left managed.Runtime) bool { return left.Language == rt.Language }) {
			all++
		}
	}
	var names []string
	for _, rt := range in {
		names = append(names, rt.Name)
	}
	if skip.File != "" && s.uninstalled(skip.File) {
		return
	}
	code := "agent-stands-down"
	switch reason := skip.Reason; {
	case reason == inject.UnreadableFile:
		return // told of the file itself
	case reason == inject.MissingInterpreter:
		code = "script-interpreter"
	case reason == inject.LineEndCRLF:
		code = "script-crlf"
	case s.partial && reason == inject.MissingFile:
		return // a layer that is not here may have it
	case strings.HasPrefix(skip.File, "/var/task"), reason == inject.NotFound:
		code = "agent-needs-function"
	case reason == inject.MissingFile:
		code = "missing-agent-file"
	case reason == inject.NotExecutable:
		code = "lost-execute-bit"
	case reason == inject.WrongArch:
		code = "wrong-arch"
	case reason == inject.WrongLibc:
		code = "wrong-libc"
	case len(in) < all:
		code = "agent-stands-down-somewhere"
	}
	line := 0
	if skip.File != "" {
		line = s.lineWith(r, f.File, skip.File)
	}
	why := skip.Why
	if len(in) < len(counts) || len(s.runtimes) > 0 {
		why = strings.Join(names, ", ") + ": " + why
	}
	s.add(r, code, f.File, line, "%s", why)
}

// uninstalled reports whether a path below /opt lies where a manifest is still
// to be installed.
func (s *stack) uninstalled(file string) bool {
	for _, l := range s.layers {
		for _, dir := range l.pending {
			if strings.HasPrefix(path.Clean(file)+"/", path.Join("/opt", dir)+"/") {
				return true
			}
		}
	}
	return false
}
