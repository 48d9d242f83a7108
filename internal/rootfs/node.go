package rootfs

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"time"
)

// A node is a file, a link or a folder. It is its own [fs.FileInfo] and
// [fs.DirEntry].
type node struct {
	name   string
	mode   fs.FileMode
	size   int64
	target string                  // of a link
	open   func() (fs.File, error) // of a regular file

	// Of a folder: what is in it, and what is yet to be laid over that.
	children map[string]*node
	sources  []source
}

// A source is a folder that is mounted, or one below it.
type source struct {
	fsys fs.FS
	dir  string
}

func newDir(name string) *node {
	return &node{name: name, mode: fs.ModeDir | 0o755, children: make(map[string]*node)}
}

// load lays the sources of a folder over what is in it.
func (n *node) load() error {
	for len(n.sources) > 0 {
		s := n.sources[0]
		entries, err := fs.ReadDir(s.fsys, s.dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := n.add(s, e); err != nil {
				return err
			}
		}
		n.sources = n.sources[1:]
	}
	return nil
}

func (n *node) add(s source, e fs.DirEntry) error {
	file := e.Name()
	if s.dir != "." {
		file = s.dir + "/" + file
	}
	old := n.children[e.Name()]
	if e.IsDir() {
		if old == nil || !old.mode.IsDir() {
			old = newDir(e.Name())
			n.children[e.Name()] = old
		}
		old.sources = append(old.sources, source{s.fsys, file})
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	child := &node{name: e.Name(), mode: info.Mode(), size: info.Size()}
	if child.mode&fs.ModeSymlink != 0 {
		if child.target, err = fs.ReadLink(s.fsys, file); err != nil {
			return err
		}
	}
	child.open = func() (fs.File, error) { return s.fsys.Open(file) }
	n.children[e.Name()] = child
	return nil
}

func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return n.size }
func (n *node) Mode() fs.FileMode          { return n.mode }
func (n *node) Type() fs.FileMode          { return n.mode.Type() }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) IsDir() bool                { return n.mode.IsDir() }
func (n *node) Sys() any                   { return nil }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }

// A file is an open file: one of a source, under its name and mode here.
type file struct {
	fs.File
	node *node
}

func (f *file) Stat() (fs.FileInfo, error) { return f.node, nil }

// ReadAt reads at an offset, as files of folders and those in memory can.
func (f *file) ReadAt(b []byte, offset int64) (int, error) {
	r, ok := f.File.(io.ReaderAt)
	if !ok {
		return 0, &fs.PathError{Op: "read", Path: f.node.name, Err: fs.ErrInvalid}
	}
	return r.ReadAt(b, offset)
}

// openText opens a text in memory.
func openText(text []byte) func() (fs.File, error) {
	return func() (fs.File, error) { return textFile{bytes.NewReader(text)}, nil }
}

type textFile struct{ *bytes.Reader }

func (textFile) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (textFile) Close() error               { return nil }

// A dirFile is an open folder.
type dirFile struct {
	*node
	rest []fs.DirEntry
	read bool
}

func (d *dirFile) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *dirFile) Close() error               { return nil }

func (d *dirFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: fs.ErrInvalid}
}

// ReadDir returns what is in the folder, in the order of the names.
func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		d.read = true
		for _, child := range d.children {
			d.rest = append(d.rest, child)
		}
		slices.SortFunc(d.rest, func(a, b fs.DirEntry) int { return bytes.Compare([]byte(a.Name()), []byte(b.Name())) })
	}
	if n <= 0 {
		n = len(d.rest)
	} else if len(d.rest) == 0 {
		return nil, io.EOF
	}
	list := d.rest[:min(n, len(d.rest))]
	d.rest = d.rest[len(list):]
	return list, nil
}
