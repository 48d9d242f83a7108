// Package rootfs puts together the file system that a function would find on
// Lambda, out of layers and code that lie somewhere else: folders and zips,
// merged as Lambda merges them.
//
// Nothing of this machine is in it but what was mounted: symbolic links are
// followed inside it, and absolute ones start at its own root. Nothing is
// unpacked or written.
package rootfs

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxLinks is how many symbolic links one path may lead over, as for Linux.
const maxLinks = 40

// An FS is such a file system. It is not for concurrent use: folders are read
// when they are first looked at.
type FS struct{ root *node }

// New returns a file system with nothing in it.
func New() *FS { return &FS{root: newDir("/")} }

// Mount lays the files of fsys over what is in the folder dir. Of two files of
// one name the one mounted later counts, and folders are merged, as Lambda
// does it with layers.
func (f *FS) Mount(dir string, fsys fs.FS) {
	n := f.makeDir(dir)
	n.sources = append(n.sources, source{fsys, "."})
}

// AddFile adds a file with this text and mode.
func (f *FS) AddFile(name string, mode fs.FileMode, text []byte) {
	dir := f.makeDir(path.Dir(name))
	dir.children[path.Base(name)] = &node{name: path.Base(name), mode: mode, size: int64(len(text)), open: openText(text)}
}

// AddDir adds a folder.
func (f *FS) AddDir(name string) { f.makeDir(name) }

// makeDir returns the folder at a path, made if need be, before anything is
// looked at.
func (f *FS) makeDir(name string) *node {
	n := f.root
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if part == "" || part == "." {
			continue
		}
		child := n.children[part]
		if child == nil || !child.mode.IsDir() {
			child = newDir(part)
			n.children[part] = child
		}
		n = child
	}
	return n
}

// walk returns the node at a path. The last part is followed if it is a link
// and follow is set.
func (f *FS) walk(name string, follow bool) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	parts, links := split(name), 0
	at := []*node{f.root}
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		dir := at[len(at)-1]
		if part == ".." {
			at = at[:max(1, len(at)-1)]
			continue
		}
		if !dir.mode.IsDir() {
			return nil, errors.New("not a directory")
		}
		if err := dir.load(); err != nil {
			return nil, err
		}
		child := dir.children[part]
		if child == nil {
			return nil, fs.ErrNotExist
		}
		if child.mode&fs.ModeSymlink == 0 || len(parts) == 0 && !follow {
			at = append(at, child)
			continue
		}
		if links++; links > maxLinks {
			return nil, errors.New("too many levels of symbolic links")
		}
		if path.IsAbs(child.target) {
			at = at[:1]
		}
		parts = slices.Concat(split(child.target), parts)
	}
	return at[len(at)-1], nil
}

func split(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
}

// Open opens a file or folder, with links followed. Files can be read at an
// offset.
func (f *FS) Open(name string) (fs.File, error) {
	n, err := f.walk(name, true)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if n.mode.IsDir() {
		if err := n.load(); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &dirFile{node: n}, nil
	}
	if !n.mode.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	inner, err := n.open()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{inner, n}, nil
}

// Stat describes a file, with links followed.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.info("stat", name, true) }

// Lstat describes a file or a link itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.info("lstat", name, false) }

func (f *FS) info(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := f.walk(name, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

// ReadLink returns what a symbolic link points to.
func (f *FS) ReadLink(name string) (string, error) {
	n, err := f.walk(name, false)
	if err == nil && n.mode&fs.ModeSymlink == 0 {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return n.target, nil
}
