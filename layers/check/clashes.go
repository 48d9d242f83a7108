package check

import (
	"path"
	"slices"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
)

// nameClashes finds two fragments of one agent's name.
func (s *stack) nameClashes(r *root, list []fragment.Fragment) {
	first := map[string]string{}
	for _, f := range list {
		if other, ok := first[f.Name]; ok {
			s.add(r, "fragment-name-clash", f.File, 0, "its agent is %s, as in %s", f.Name, path.Base(other))
			continue
		}
		first[f.Name] = f.File
	}
}

// hiddenValues finds plain variables to which a later fragment gives another
// value, and that the function does not set.
func (s *stack) hiddenValues(r *root, list []fragment.Fragment) {
	type given struct {
		value string
		by    fragment.Fragment
	}
	last := map[string][]given{} // by later fragments, the last one first
	for _, f := range slices.Backward(list) {
		for _, v := range f.Vars {
			if _, own := fragment.Lookup(s.vars, v.Name); own || !inject.IsPlain(v.Name) {
				continue
			}
			i := slices.IndexFunc(last[v.Name], func(g given) bool { return together(f, g.by) })
			if i >= 0 && last[v.Name][i].value != v.Value {
				s.add(r, "value-hidden", f.File, s.lineOf(r, f.File, v.Name), "%s: %s gives it another value, which counts", v.Name, path.Base(last[v.Name][i].by.File))
			}
			last[v.Name] = append(last[v.Name], given{v.Value, f})
		}
	}
}

// together reports whether two fragments can apply to one function.
func together(a, b fragment.Fragment) bool {
	return slices.ContainsFunc(managed.Runtimes, func(rt managed.Runtime) bool { return isFor(a, rt) && isFor(b, rt) })
}
