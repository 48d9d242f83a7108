package rootfs

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/graft-lambda/graft/layers"
)

// OpenPath opens a folder, or a zip or jar as if it was one. Nothing outside a
// folder is reached through it. The caller closes it when nothing of it is
// needed any more.
func OpenPath(file string) (fs.FS, io.Closer, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(file)
		if err != nil {
			return nil, nil, err
		}
		return root.FS(), root, nil
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: %w", file, layers.ErrNoZip)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	fsys, err := readZip(f, info.Size())
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return fsys, f, nil
}

// readZip makes a file system of a zip's directory. Entries are unpacked when
// they are read, into memory.
func readZip(r io.ReaderAt, size int64) (fs.FS, error) {
	if size > layers.MaxUnzipped {
		return nil, fmt.Errorf("a zip of more than %d bytes", layers.MaxUnzipped)
	}
	z, err := layers.OpenZip(r, size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, layers.ErrNoZip
	}
	if err != nil {
		return nil, err
	}
	if len(z.File) > layers.MaxEntries {
		return nil, fmt.Errorf("a zip with more than %d entries", layers.MaxEntries)
	}
	fsys, left := New(), int64(layers.MaxUnzipped)
	folders := layers.Folders{}
	for _, f := range z.File {
		if err := fsys.addEntry(f, folders, &left); err != nil {
			return nil, fmt.Errorf("%.300q: %w", f.Name, err)
		}
	}
	return fsys, nil
}

// addEntry adds one entry of a zip. left is how many bytes may yet be unpacked.
func (f *FS) addEntry(entry *zip.File, folders layers.Folders, left *int64) error {
	if err := layers.VetZipped(entry); err != nil {
		return err
	}
	name := path.Clean(entry.Name)
	fresh, err := folders.Add(name)
	if err != nil {
		return err
	}
	for _, dir := range fresh {
		if n, err := f.walk(dir, false); err == nil && !n.mode.IsDir() {
			return fmt.Errorf("%q is no folder", dir)
		}
	}
	old, err := f.walk(name, false)
	if err == nil && !(old.mode.IsDir() && entry.Mode().IsDir()) {
		return errors.New("stands twice in the zip")
	}
	if entry.Mode().IsDir() {
		f.AddDir(name)
		return nil
	}
	text := sync.OnceValues(func() ([]byte, error) { return unpack(entry, left) })
	n := &node{name: path.Base(name), mode: entry.Mode(), size: int64(entry.UncompressedSize64)}
	if n.mode&fs.ModeSymlink != 0 {
		if n.size > layers.MaxTarget {
			return errors.New("a link with too long a path")
		}
		target, err := text()
		if err != nil {
			return err
		}
		n.target = string(target)
		if err := layers.VetEntry(name, n.mode, n.target); err != nil {
			return err
		}
	}
	n.open = func() (fs.File, error) {
		b, err := text()
		if err != nil {
			return nil, err
		}
		return openText(b)()
	}
	f.makeDir(path.Dir(name)).children[n.name] = n
	return nil
}

// unpack returns the content of an entry.
func unpack(entry *zip.File, left *int64) ([]byte, error) {
	if entry.UncompressedSize64 > uint64(*left) {
		return nil, fmt.Errorf("more than %d bytes unpacked", layers.MaxUnzipped)
	}
	*left -= int64(entry.UncompressedSize64)
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, int64(entry.UncompressedSize64)+1))
	if err == nil && uint64(len(text)) > entry.UncompressedSize64 {
		err = errors.New("longer than the zip says")
	}
	return text, err
}
