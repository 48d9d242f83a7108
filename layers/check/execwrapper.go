package check

import (
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/layers"
)

// execWrapper checks what a function has Lambda start in front of its runtime.
func (s *stack) execWrapper(r *root) {
	if !s.wrapper || len(s.runtimes) != 1 {
		return
	}
	value, set := fragment.Lookup(s.vars, managed.ExecWrapper)
	// What Lambda starts by itself needs no wrapper.
	forked := hasCompanion(r, layers.Forked)
	brings := forked && s.telemetry()
	list, _ := fragment.ReadDir(r, fragment.Dir)
	for _, f := range list {
		brings = brings || len(f.Args) > 0 || forked && len(f.Run) > 0 || slices.ContainsFunc(f.Vars, func(v fragment.Var) bool {
			// A program that the companion runs gets its fragment's plain variables.
			return len(f.Run) == 0 || !inject.IsPlain(v.Name)
		})
	}
	asking := ""
	if i := slices.IndexFunc(s.vars, asks); i >= 0 {
		asking = s.vars[i].Name
	}
	switch {
	case s.runtimes[0].OSOnly():
		if set {
			s.whole("wrapper-unsupported", "%s does not call it", s.runtimes[0].Name)
		}
	case s.unwrapped() && asking != "":
		s.whole("wrapper-not-set", "%s is not set, and %s asks for values: nobody fetches them", managed.ExecWrapper, asking)
	case s.unwrapped():
		if brings {
			s.whole("wrapper-not-set", "%s is not set", managed.ExecWrapper)
		}
	case !path.IsAbs(value):
		s.whole("wrapper-missing", "%s is no absolute path", managed.ExecWrapper)
	case strings.HasPrefix(path.Clean(value), "/opt/"):
		e, err := r.entry(strings.TrimPrefix(path.Clean(value), "/"))
		switch {
		case err != nil && s.partial:
		case err != nil || e == nil || !e.mode.IsRegular():
			s.whole("wrapper-missing", "%s: no such file in its layers", value)
		case !e.executable() && !(e.layer.folder && e.program()):
			s.whole("lost-execute-bit", "%s: mode %04o: is the wrapper, and may not be executed", value, e.mode.Perm())
		case (brings || asking != "") && path.Base(value) != "graft" && !strings.Contains(e.first, "graft"):
			if next, _ := fragment.Lookup(s.vars, "GRAFT_NEXT"); next == "" {
				s.whole("wrapper-not-set", "%s is %s, which does not run graft", managed.ExecWrapper, value)
			}
		}
	}
}

// unwrapped reports whether Lambda starts nothing in front of the function's
// runtime, though it would.
func (s *stack) unwrapped() bool {
	value, _ := fragment.Lookup(s.vars, managed.ExecWrapper)
	return value == "" && s.wrapper && len(s.runtimes) == 1 && !s.runtimes[0].OSOnly()
}
