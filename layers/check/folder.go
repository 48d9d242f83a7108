package check

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/layers"
)

// Open reads the layer at file: a folder that looks like /opt, or a zip. What
// is wrong with the layer itself is a finding; an error means that there is
// nothing to check.
func Open(file string) (*Layer, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, fragment.Cause(err))
	}
	if info.IsDir() {
		root, err := os.OpenRoot(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, fragment.Cause(err))
		}
		l := ReadFolder(filepath.ToSlash(filepath.Clean(file)), root.FS())
		l.close = root.Close
		return l, nil
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", file, layers.ErrNoZip)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, fragment.Cause(err))
	}
	l := ReadZip(filepath.ToSlash(filepath.Clean(file)), f, info.Size())
	l.close = f.Close
	return l, nil
}

var errMany = errors.New("too many")

// ReadFolder reads a layer from a file system whose root will be /opt. It must
// be able to read links (io/fs.ReadLinkFS) if there are any. What graft build
// does not ship is not looked at.
func ReadFolder(name string, fsys fs.FS) *Layer {
	l := &Layer{Name: name, entries: map[string]*entry{}, folder: true, fsys: fsys}
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && file == "." {
			return nil
		}
		if layers.Unshipped(path.Base(file)) {
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if len(l.entries) >= layers.MaxEntries {
			return errMany
		}
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if err != nil {
			l.found.add("unreadable-file", l.place(file), 0, "%v", fragment.Cause(err))
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		l.add(fsys, file, info)
		return nil
	})
	if err != nil {
		l.found.add("unreadable-file", name, 0, "has more than %d files: the rest was not looked at", layers.MaxEntries)
	}
	return l
}

// add takes in one entry of a folder.
func (l *Layer) add(fsys fs.FS, file string, info fs.FileInfo) {
	e := &entry{name: file, layer: l, mode: info.Mode()}
	if e.mode&fs.ModeSymlink != 0 {
		target, err := fs.ReadLink(fsys, file)
		if err != nil {
			l.found.add("unreadable-file", e.place(), 0, "%v", fragment.Cause(err))
			return
		}
		e.target = target
	}
	if err := layers.VetEntry(file, e.mode, e.target); err != nil {
		l.refuse(e.place(), err)
		if !errors.Is(err, layers.ErrSetID) {
			return
		}
	}
	if e.mode.IsRegular() {
		e.size = info.Size()
		e.open = func() (io.ReadCloser, error) { return fsys.Open(file) }
	}
	l.entries[file] = e
}

// refuse notes why an entry may not be in a layer.
func (l *Layer) refuse(place string, err error) {
	code := "zip-entry-name"
	switch {
	case errors.Is(err, layers.ErrEncrypted):
		code = "zip-encrypted"
	case errors.Is(err, layers.ErrMethod):
		code = "zip-method"
	case errors.Is(err, layers.ErrLink):
		code = "unsafe-link"
	case errors.Is(err, layers.ErrSetID), errors.Is(err, layers.ErrSpecial):
		code = "special-file"
	}
	l.found.add(code, place, 0, "%v", err)
}

// Uninstalled returns the manifests of a source folder that are still to be
// installed, by their paths in it. What graft build made has none, and what
// stands among installed packages is a package's own.
func (l *Layer) Uninstalled() []string {
	if !l.source() {
		return nil
	}
	installed := map[string]bool{} // folders with packages in them
	for name, e := range l.entries {
		if e.mode.IsDir() && (path.Base(name) == "node_modules" || strings.HasSuffix(name, ".dist-info")) {
			installed[path.Dir(name)] = true
		}
	}
	var names []string
	for _, e := range l.files() {
		if !layers.IsManifest(path.Base(e.name)) {
			continue
		}
		above := path.Dir(e.name)
		for above != "." && !installed[above] {
			above = path.Dir(above)
		}
		if !installed[above] {
			names = append(names, e.name)
		}
	}
	return names
}

// unlocked returns the package.json files of a source folder whose dependencies
// nothing brings, by their paths in it.
func (l *Layer) unlocked() []string {
	if !l.source() {
		return nil
	}
	var names []string
	for _, e := range l.files() {
		dir, base := path.Split(e.name)
		if base == "package.json" && !strings.Contains("/"+dir, "/node_modules/") && layers.Unlocked(l.fsys, path.Clean(dir)) {
			names = append(names, e.name)
		}
	}
	return names
}
