package inject

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/graft-lambda/graft/inject/fragment"
)

// regular returns the properties of a regular file, with links followed.
func (m Machine) regular(file string) (fs.FileInfo, error) {
	info, err := fs.Stat(m.Root, fragment.Rel(file))
	switch {
	case err != nil:
		return nil, fileFault(file, err)
	case info.IsDir():
		return nil, faultf(file, MissingFile, "is a directory")
	case !info.Mode().IsRegular():
		return nil, faultf(file, MissingFile, "not a regular file")
	}
	return info, nil
}

// open opens a regular file. It is looked at before it is opened, so that a
// FIFO never hangs graft.
func (m Machine) open(file string) (fs.File, error) {
	if _, err := m.regular(file); err != nil {
		return nil, err
	}
	f, err := m.Root.Open(fragment.Rel(file))
	if err != nil {
		return nil, fileFault(file, err)
	}
	return f, nil
}

// loadable reports why a file that a runtime must load cannot be loaded.
func (m Machine) loadable(file string) error {
	if file == "" {
		return errors.New("an empty path")
	}
	if !path.IsAbs(file) {
		return fmt.Errorf("%q is a relative path: it would change its meaning with the working directory", file)
	}
	f, err := m.open(file)
	if err != nil {
		return err
	}
	return f.Close()
}

// isDir reports whether p is a directory that can be looked at.
func (m Machine) isDir(p string) bool {
	info, err := fs.Stat(m.Root, fragment.Rel(p))
	return err == nil && info.IsDir()
}

// isFile reports whether p is a regular file.
func (m Machine) isFile(p string) bool {
	info, err := fs.Stat(m.Root, fragment.Rel(p))
	return err == nil && info.Mode().IsRegular()
}

// exists reports whether there is anything at p.
func (m Machine) exists(p string) bool {
	_, err := fs.Stat(m.Root, fragment.Rel(p))
	return err == nil
}

// sameFile reports whether two paths lead to one file.
func (m Machine) sameFile(a, b string) bool {
	if path.Clean(a) == path.Clean(b) {
		return true
	}
	ai, err := fs.Stat(m.Root, fragment.Rel(a))
	if err != nil {
		return false
	}
	bi, err := fs.Stat(m.Root, fragment.Rel(b))
	// A file system in memory has one value for one file.
	return err == nil && (ai == bi || os.SameFile(ai, bi))
}
