package template

import (
	"os"
	"path/filepath"
)

// A Reach is where a template may point on this machine: a template from
// elsewhere has no say over the rest. The zero value is nowhere.
type Reach struct{ tops []string }

// ReachOf returns the reach of a template's file: its folder, the repository
// that the folder lies in (the nearest .git upward), and what is named beside
// it. What of these is not there is left out.
func ReachOf(file string, named ...string) Reach {
	var r Reach
	add := func(path string) (real string, ok bool) {
		real, err := RealPath(path)
		if err == nil {
			r.tops = append(r.tops, real)
		}
		return real, err == nil
	}
	for _, path := range named {
		add(path)
	}
	folder, ok := add(filepath.Dir(file))
	for ok {
		if _, err := os.Lstat(filepath.Join(folder, ".git")); err == nil {
			r.tops = append(r.tops, folder)
			break
		}
		above := filepath.Dir(folder)
		ok = above != folder
		folder = above
	}
	return r
}

// Holds reports whether a path, as [RealPath] returns it, lies in the reach.
func (r Reach) Holds(real string) bool {
	for _, top := range r.tops {
		if rel, err := filepath.Rel(top, real); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// RealPath is the absolute path to which a path leads when all links in it are
// followed. What is not there is an error of io/fs.
func RealPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}
