package check

import (
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A pythonPackage is an installed package, and whose folder it is in.
type pythonPackage struct {
	version, dir string
	by           fragment.Fragment
}

// packages finds Python packages that two agents bring in different versions:
// both run in one process, which loads the one that stands first in
// PYTHONPATH.
func (s *stack) packages(r *root, list []fragment.Fragment) {
	first := map[string]pythonPackage{}
	for _, f := range list {
		value, _ := f.Lookup("PYTHONPATH")
		for dir := range strings.SplitSeq(value, ":") {
			entries, err := r.ReadDir(fragment.Rel(path.Clean(dir)))
			if err != nil {
				continue
			}
			for _, e := range entries {
				name, version, ok := distribution(e.Name())
				if !ok {
					continue
				}
				other, there := first[name]
				switch {
				case !there:
					first[name] = pythonPackage{version, dir, f}
				case other.version != version && other.by.File != f.File && together(other.by, f):
					s.add(r, "package-hidden", f.File, s.lineOf(r, f.File, "PYTHONPATH"), "%s %s: %s has %s, which counts", name, version, other.dir, other.version)
				}
			}
		}
	}
}

// distribution reads the name of a folder in which pip keeps what it knows of a
// package: NAME-VERSION.dist-info.
func distribution(base string) (name, version string, ok bool) {
	base, ok = strings.CutSuffix(base, ".dist-info")
	i := strings.LastIndexByte(base, '-')
	if !ok || i < 0 {
		return "", "", false
	}
	return strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(base[:i])), base[i+1:], true
}
