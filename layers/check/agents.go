package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
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
	s.nameClashes(r, list)
	s.hiddenValues(r, list)
	s.packages(r, list)
	if len(list) == 0 {
		return
	}
	if !r.has("/opt/graft") {
		if !s.partial && !slices.ContainsFunc(s.layers, func(l *Layer) bool { return l.folder }) {
			s.found.add("graft-missing", s.place, s.line, "fragments, but no /opt/graft")
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
	maxFragmentBytes = 1 << 20
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
		s.found.add("too-many-fragments", s.place, s.line, "%d fragments of %s", count, megabytes(size))
		return false
	}
	return true
}

// base puts what every layer with graft in it has: graft build adds it, or
// another layer of the stack has it.
func (r *root) base() {
	r.putData("opt/graft", "", 0o755)
	r.putData("opt/graft-python/sitecustomize.py", "", 0o644)
	for _, name := range layers.RunPrograms() {
		r.putData("opt/graft-run/"+name, "#!/opt/graft\n", 0o755)
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

// problem notes a file of graft.d that is not read.
func (s *stack) problem(r *root, p fragment.Problem) {
	text := p.Err.Error()
	file, rest, _ := strings.Cut(text, ": ")
	line := 0
	if m := regexp.MustCompile(`^(.*):(\d+)$`).FindStringSubmatch(file); m != nil {
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
		if secretVariable(v.Name, v.Value) {
			s.add(r, "plain-secret", f.File, s.lineOf(r, f.File, v.Name), "%s holds what looks like a secret", v.Name)
		}
	}
	if len(f.Run) > 0 && strings.HasPrefix(f.Run[0], "/opt/") {
		line := s.lineOf(r, f.File, "GRAFT_RUN")
		e, err := r.entry(strings.TrimPrefix(path.Clean(f.Run[0]), "/"))
		switch {
		case err != nil && s.uninstalled(f.Run[0]):
		case err != nil:
			s.add(r, "missing-agent-file", f.File, line, "%s: %v", f.Run[0], fragment.Cause(err))
		case e == nil || !e.mode.IsRegular():
			s.add(r, "missing-agent-file", f.File, line, "%s: is a directory", f.Run[0])
		case !e.program():
			s.add(r, "lost-execute-bit", f.File, line, "%s: mode %04o: may not be executed", f.Run[0], e.mode.Perm())
		}
	}
}

// lineOf is the line of a fragment that gives a variable; 0 if there is none.
func (s *stack) lineOf(r *root, file, name string) int {
	for i, line := range s.linesOf(r, file) {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), name); ok && strings.HasPrefix(rest, "=") {
			return i + 1
		}
	}
	return 0
}

// lineWith is the first line of a fragment that holds a text and is no
// comment; 0 if there is none.
func (s *stack) lineWith(r *root, file, text string) int {
	for i, line := range s.linesOf(r, file) {
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") && strings.Contains(line, text) {
			return i + 1
		}
	}
	return 0
}

// linesOf are the lines of a fragment.
func (s *stack) linesOf(r *root, file string) []string {
	lines, ok := s.lines[file]
	if !ok {
		data, _ := fragment.ReadFile(r, file)
		lines = strings.Split(string(data), "\n")
		if s.lines == nil {
			s.lines = map[string][]string{}
		}
		s.lines[file] = lines
	}
	return lines
}

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
			if _, own := lookup(s.vars, v.Name); own || !inject.IsPlain(v.Name) {
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
		s.skipped(r, list[i], skip.Why, in, counts[list[i].File])
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
	if l == nil || len(f.Runtimes) == 0 {
		return
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

// atPath is the path that a reason of package inject begins with.
var atPath = regexp.MustCompile(`^(/[^:]+)(?::|$)`)

// skipped makes a finding of an agent that is left out in some runtimes, of
// all in which it counts.
func (s *stack) skipped(r *root, f fragment.Fragment, why string, in, counts []managed.Runtime) {
	// What it loads in another language is another matter.
	all := 0
	for _, rt := range counts {
		if slices.ContainsFunc(in, func(skip managed.Runtime) bool { return skip.Language == rt.Language }) {
			all++
		}
	}
	var names []string
	for _, rt := range in {
		names = append(names, rt.Name)
	}
	file := ""
	if m := atPath.FindStringSubmatch(why); m != nil {
		file = m[1]
	}
	if file != "" && s.uninstalled(file) {
		return
	}
	code := "agent-stands-down"
	missing := strings.HasSuffix(why, ": no such file") || strings.HasSuffix(why, ": is a directory") || strings.HasSuffix(why, ": not a regular file")
	switch {
	case strings.HasSuffix(why, "permission denied"):
		return // told of the file itself
	case strings.Contains(why, ": its interpreter "):
		code = "script-interpreter"
	case strings.HasSuffix(why, "ends with CRLF: save it with LF"):
		code = "script-crlf"
	case s.partial && (missing || strings.HasPrefix(why, "PYTHONPATH")):
		return // a layer that is not here may have it
	case strings.HasPrefix(file, "/var/task"), strings.Contains(why, "no such package in node_modules"), strings.Contains(why, "no such library beside"):
		code = "agent-needs-function"
	case missing && file != "":
		code = "missing-agent-file"
	case strings.HasSuffix(why, ": is not executable"):
		code = "lost-execute-bit"
	case strings.Contains(why, ": is for ") && strings.Contains(why, ", this is "):
		code = "wrong-arch"
	case strings.Contains(why, ": is for ") && strings.Contains(why, ", the runtime is for "):
		code = "wrong-libc"
	case len(in) < all:
		code = "agent-stands-down-somewhere"
	}
	line := 0
	if file != "" {
		line = s.lineWith(r, f.File, file)
	}
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

func lookup(vars []fragment.Var, name string) (string, bool) {
	for _, v := range vars {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}
