package check

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/resolve"
	"github.com/graft-lambda/graft/layers"
)

// agents checks the fragments of the stack, and plans them as the wrapper
// would for each runtime.
func (s *stack) agents(r *root, arch string) {
	if !s.readable(r) {
		return
	}
	list, problems := fragment.ReadDir(r, fragment.Dir)
	for _, p := range problems {
		s.problem(r, p)
	}
	for _, f := range list {
		s.variables(r, f)
	}
	s.misnamed(list, problems)
	s.nameClashes(r, list)
	s.hiddenValues(r, list)
	s.packages(r, list)
	s.companion(r, list)
	s.references(r, list)
	if len(list) == 0 {
		return
	}
	if !r.has("/opt/graft") {
		if !s.open && len(s.sources) == 0 {
			s.whole("graft-missing", "fragments, but no /opt/graft")
		}
		r.base()
	}
	if !s.unplanned {
		s.plan(r, arch, list)
	}
}

// Bounds for the fragments of a stack: far beyond use, and small enough to
// plan with.
const (
	maxFragments     = 200
	maxFragmentBytes = 256 << 10
)

// readable reports whether there are so few fragments that they can be planned
// with.
func (s *stack) readable(r *root) bool {
	count, size := 0, int64(0)
	for _, base := range r.dirs["opt/graft.d"] {
		count++
		if e := r.nodes["opt/graft.d/"+base]; e != nil {
			size += e.size
		}
	}
	if count > maxFragments || size > maxFragmentBytes {
		s.whole("too-many-fragments", "%d fragments of %s", count, layers.Megabytes(size))
		return false
	}
	return true
}

// base puts what every layer with graft in it has: graft build adds it, or
// another layer of the stack has it.
func (r *root) base() {
	r.putData("opt/graft", "", 0o755)
	for _, f := range layers.BaseFiles() {
		r.putData("opt/"+f.Name, string(f.Data), f.Mode)
	}
}

// fragmentPlace is how findings name the fragment that stands at a path below
// /opt.
func (s *stack) fragmentPlace(r *root, file string) (*Layer, string) {
	if e := r.nodes[strings.TrimPrefix(file, "/")]; e != nil && e.layer != nil {
		return e.layer, e.place()
	}
	return nil, file
}

// add notes a finding about a fragment.
func (s *stack) add(r *root, code, file string, line int, format string, args ...any) {
	l, place := s.fragmentPlace(r, file)
	if l == nil {
		s.found.add(code, place, line, format, args...)
		return
	}
	l.found.add(code, place, line, format, args...)
}

// withLine is a path with a line number.
var withLine = regexp.MustCompile(`^(.*):(\d+)$`)

// problem notes a file of graft.d that is not read.
func (s *stack) problem(r *root, p fragment.Problem) {
	text := p.Err.Error()
	file, rest, _ := strings.Cut(text, ": ")
	line := 0
	if m := withLine.FindStringSubmatch(file); m != nil {
		file = m[1]
		_, _ = fmt.Sscan(m[2], &line)
	}
	if strings.HasSuffix(rest, "permission denied") {
		return // told of the file itself
	}
	code := "fragment-invalid"
	if p.Agent == "" {
		code, rest = "fragment-name", "is not named NN-NAME.env (two digits; NAME of a-z 0-9 . _ -)"
	}
	s.add(r, code, file, line, "%s", rest)
}

// alwaysSet are variables that Lambda sets on every function, whatever a
// fragment says.
func alwaysSet(name string) bool { return name != "_HANDLER" && slices.Contains(reserved, name) }

// variables checks the plain variables of one fragment.
func (s *stack) variables(r *root, f fragment.Fragment) {
	for _, v := range f.Vars {
		if alwaysSet(v.Name) {
			s.add(r, "reserved-variable", f.File, s.lineOf(r, f.File, v.Name), "%s", v.Name)
		}
		if Secret(v.Name, v.Value) {
			s.add(r, "plain-secret", f.File, s.lineOf(r, f.File, v.Name), "%s holds what looks like a secret", v.Name)
		}
	}
	if len(f.Run) > 0 {
		line := s.lineOf(r, f.File, "GRAFT_RUN")
		switch err := Startable(r, f.Run[0]); {
		case errors.Is(err, errNotExecutable):
			s.add(r, "lost-execute-bit", f.File, line, "%s: %v", f.Run[0], err)
		case err != nil && runsSecrets(f):
			if s.secretless(r) {
				s.add(r, "secrets-missing", f.File, line, "GRAFT_RUN runs %s, which no layer has%s", resolve.Program, s.unbuilt())
			}
		case err != nil && !s.partial && !s.uninstalled(f.Run[0]):
			s.add(r, "missing-agent-file", f.File, line, "%s: %v", f.Run[0], err)
		}
	}
}
