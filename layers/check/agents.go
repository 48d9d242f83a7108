package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// agents checks the fragments of the stack, and plans them as the wrapper
// would for each runtime.
func (s *stack) agents(r *root, arch string) {
	list, problems := fragment.ReadDir(r, fragment.Dir)
	for _, p := range problems {
		s.problem(r, p)
	}
	for _, f := range list {
		s.variables(r, f)
	}
	s.nameClashes(r, list)
	s.hiddenValues(r, list)
	if len(list) == 0 {
		return
	}
	if !r.has("/opt/graft") {
		if !s.partial && !slices.ContainsFunc(s.layers, func(l *Layer) bool { return l.folder }) {
			s.found.add("graft-missing", s.place, s.line, "fragments, but no /opt/graft")
		}
		r.base()
	}
	s.plan(r, arch, list)
}

// base puts what every layer with graft in it has: graft build adds it, or
// another layer of the stack has it.
func (r *root) base() {
	r.putData("opt/graft", "", 0o755)
	r.putData("opt/graft-python/sitecustomize.py", "", 0o644)
	for _, name := range []string{"java", "node", "dotnet", "ruby", "python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14"} {
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
			s.add(r, "reserved-variable", f.File, s.line0(r, f.File, v.Name), "%s", v.Name)
		}
		if secretVariable(v.Name, v.Value) {
			s.add(r, "plain-secret", f.File, s.line0(r, f.File, v.Name), "%s holds what looks like a secret", v.Name)
		}
	}
	if len(f.Run) > 0 && strings.HasPrefix(f.Run[0], "/opt/") {
		line := s.line0(r, f.File, "GRAFT_RUN")
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

// line0 is the line of a fragment that begins with NAME=; 0 if there is none.
func (s *stack) line0(r *root, file, name string) int {
	return s.lineWith(r, file, func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), name+"=") })
}

// lineWith is the first line of a fragment that is so; 0 if there is none.
func (s *stack) lineWith(r *root, file string, is func(line string) bool) int {
	data, err := fragment.ReadFile(r, file)
	if err != nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if !strings.HasPrefix(strings.TrimSpace(line), "#") && is(line) {
			return n
		}
	}
	return 0
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
	for i, f := range list {
		for _, v := range f.Vars {
			if !inject.IsPlain(v.Name) || slices.ContainsFunc(s.vars, func(own fragment.Var) bool { return own.Name == v.Name }) {
				continue
			}
			for _, later := range list[i+1:] {
				if other, ok := later.Lookup(v.Name); ok && other != v.Value && together(f, later) {
					s.add(r, "value-hidden", f.File, s.line0(r, f.File, v.Name), "%s: %s gives it another value, which counts", v.Name, path.Base(later.File))
				}
			}
		}
	}
}

// together reports whether two fragments can apply to one function.
func together(a, b fragment.Fragment) bool {
	return slices.ContainsFunc(allRuntimes(), func(rt managed) bool { return isFor(a, rt) && isFor(b, rt) })
}

// isFor reports whether the fragment counts in a runtime.
func isFor(f fragment.Fragment, rt managed) bool {
	return len(f.Runtimes) == 0 || slices.ContainsFunc(f.Runtimes, func(b fragment.Bound) bool {
		return b.Language == rt.language && b.Holds(rt.version)
	})
}

// plan plans the fragments for each runtime. What would be left out becomes a
// finding.
func (s *stack) plan(r *root, arch string, list []fragment.Fragment) {
	runtimes := s.runtimes
	if len(runtimes) == 0 {
		runtimes = allRuntimes()
	}
	skips := map[inject.Skip][]string{}
	counts := map[string]int{} // runtimes in which an agent counts, by file
	for _, rt := range runtimes {
		settings, _ := fragment.ParseSettings(func(name string) (string, bool) { return lookup(s.vars, name) })
		settings.Next = "" // the function's own wrapper need not lie in a layer
		r.system(rt, arch)
		m := inject.Machine{Root: r, Dir: "/var/task", Arch: arch, Self: "/opt/graft"}
		p := rt.process(s.vars)
		detected := inject.Detect(p, settings, m)
		if !detected.Version.Known() {
			detected.Version = rt.version
		}
		for _, f := range list {
			if isFor(f, rt) {
				counts[f.File]++
			}
		}
		for _, skip := range inject.New(p, list, settings, detected, m).Skips {
			skips[skip] = append(skips[skip], rt.name)
		}
	}
	for _, f := range list {
		if counts[f.File] == 0 && len(f.Run) == 0 {
			s.add(r, "runtime-bound-unmatched", f.File, s.line0(r, f.File, "GRAFT_RUNTIMES"), "holds for %s", none(s.runtimes))
		}
	}
	for skip, names := range skips {
		i := slices.IndexFunc(list, func(f fragment.Fragment) bool { return f.Name == skip.Agent })
		if i < 0 {
			continue // about graft's own parts
		}
		s.skipped(r, list[i], skip.Why, names, counts[list[i].File])
	}
}

func none(runtimes []managed) string {
	if len(runtimes) == 1 {
		return "no " + runtimes[0].name
	}
	return "no runtime of Lambda"
}

// atPath is the path that a reason of package inject begins with.
var atPath = regexp.MustCompile(`^(/[^:]+)(?::|$)`)

// skipped makes a finding of an agent that is left out in these runtimes, of
// all in which it counts.
func (s *stack) skipped(r *root, f fragment.Fragment, why string, names []string, all int) {
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
	case len(names) < all:
		code = "agent-stands-down-somewhere"
	}
	line := 0
	if file != "" {
		line = s.lineWith(r, f.File, func(line string) bool { return strings.Contains(line, file) })
	}
	if len(names) < all || len(s.runtimes) > 0 {
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
