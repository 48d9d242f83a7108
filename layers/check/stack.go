package check

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
)

// A stack is the layers of one function, or of functions that are not known,
// in the order in which Lambda lays them over each other.
type stack struct {
	layers []*Layer
	// place and line are what findings about the whole stack name.
	place string
	line  int
	// arch is amd64 or arm64; empty if it is not known.
	arch string
	// runtimes are those of the function; none if it is not known.
	runtimes []managed.Runtime
	// function is its logical id. wrapper is set if all its variables are
	// known, and count is how many layers it has, here or not.
	function string
	wrapper  bool
	count    int
	// vars are the function's variables.
	vars []fragment.Var
	// partial is set if there are layers that are not here, open if one of them
	// may have graft's own programs.
	partial, open bool
	// sources are the layers that graft build has still to make: it adds graft's
	// own programs.
	sources []*Layer
	// unplanned is set if what starts the function is not known.
	unplanned bool
	// bounds gathers where GRAFT_RUNTIMES holds, by the fragment's place.
	bounds map[string]*bound
	// lines are of the fragments that were looked into, by file.
	lines map[string][]string

	found findings
}

// check checks all that a stack of layers can tell.
func (s *stack) check() {
	arch := s.arch
	for _, l := range s.layers {
		if arch == "" {
			arch = l.arch()
		}
	}
	r := newRoot()
	for _, l := range s.layers {
		l.native(arch)
		for _, name := range l.names() {
			r.put("opt/"+name, l.entries[name])
		}
	}
	s.links(r)
	s.scripts(r)
	s.extensions(r)
	s.conflicts()
	s.quotas()
	s.execWrapper(r)
	s.agents(r, cmp.Or(arch, s.guess()))
}

// whole notes what is wrong with the stack as a whole.
func (s *stack) whole(code, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if s.function != "" {
		message = fmt.Sprintf("function %s: %s", s.function, message)
	}
	s.found.add(code, s.place, s.line, "%s", message)
}

// links checks that every link leads to something in the layers.
func (s *stack) links(r *root) {
	for _, l := range s.layers {
		for _, name := range l.names() {
			e := l.entries[name]
			if e.target == "" || r.nodes["opt/"+name] != e || inFolder(name, "extensions") {
				continue // of an extension more is told
			}
			at, err := r.resolve("opt/"+name, true)
			switch {
			case err == errOutside, err == nil && at != "opt" && !strings.HasPrefix(at, "opt/"):
				l.found.add("unsafe-link", e.place(), 0, "%v", errOutside)
			case err != nil && !s.partial:
				l.found.add("dangling-link", e.place(), 0, "%v", fragment.Cause(err))
			}
		}
	}
}

// conflicts finds files that two layers bring differently.
func (s *stack) conflicts() {
	for i, below := range s.layers {
		for _, above := range s.layers[i+1:] {
			if below == above {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(above.entries)) {
				a, b := below.entries[name], above.entries[name]
				if a == nil || same(a, b) {
					continue
				}
				code := "file-conflict"
				_, isFragment := fragment.AgentName(path.Base(name))
				switch {
				case inFolder(name, "graft.d") && isFragment:
					code = "fragment-hidden"
				case isText(name):
					continue
				}
				above.found.add(code, b.place(), 0, "differs from %s, which it hides", a.place())
			}
		}
	}
}

// isText reports whether a file is there for people to read only.
func isText(name string) bool {
	base := strings.ToUpper(path.Base(name))
	for _, start := range []string{"LICENSE", "LICENCE", "NOTICE", "README", "CHANGELOG", "COPYING", "THIRD-PARTY"} {
		if strings.HasPrefix(base, start) && !strings.HasSuffix(base, ".JS") && !strings.HasSuffix(base, ".PY") {
			return true
		}
	}
	return false
}

// same reports whether two entries are the same for a function.
func same(a, b *entry) bool {
	switch {
	case a == b || a.mode.IsDir() && b.mode.IsDir():
		return true
	case a.mode.Type() != b.mode.Type() || a.size != b.size || a.target != b.target:
		return false
	case !a.mode.IsRegular():
		return true
	}
	x, errX := a.sum()
	y, errY := b.sum()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// sum is a hash of the content.
func (e *entry) sum() ([]byte, error) {
	f, err := e.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
