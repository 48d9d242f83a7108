package check

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"time"
)

// A file is open. Its content is read when it is asked for.
type file struct {
	root  *root
	entry *entry // nil for a folder
	info  fs.FileInfo
	r     io.ReadCloser
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *file) reader() (err error) {
	switch {
	case f.r != nil:
	case f.entry == nil || f.entry.open == nil:
		return errors.New("is a directory")
	default:
		f.r, err = f.entry.open()
	}
	return err
}

func (f *file) Read(p []byte) (int, error) {
	if err := f.reader(); err != nil {
		return 0, err
	}
	return f.r.Read(p)
}

// ReadAt reads at an offset; what cannot be read so is unpacked as a whole.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.reader(); err != nil {
		return 0, err
	}
	if at, ok := f.r.(io.ReaderAt); ok {
		return at.ReadAt(p, off)
	}
	data, err := f.root.kept.of(f.entry)
	if err != nil {
		return 0, err
	}
	return bytes.NewReader(data).ReadAt(p, off)
}

func (f *file) Close() error {
	if f.r == nil {
		return nil
	}
	return f.r.Close()
}

// contents keeps what was unpacked last, since the planner looks at the same
// libraries for every runtime.
type contents struct {
	data map[*entry][]byte
	size int
}

const maxKept = 64 << 20 // bytes

func (c *contents) of(e *entry) ([]byte, error) {
	if data, ok := c.data[e]; ok {
		return data, nil
	}
	data, err := e.data()
	if err != nil {
		return nil, err
	}
	if c.data == nil || c.size+len(data) > maxKept {
		c.data, c.size = map[*entry][]byte{}, 0
	}
	c.data[e] = data
	c.size += len(data)
	return data, nil
}

// A stat has the properties of a file.
type stat struct {
	name string
	mode fs.FileMode
	size int64
}

func (s stat) Name() string       { return s.name }
func (s stat) Size() int64        { return s.size }
func (s stat) Mode() fs.FileMode  { return s.mode }
func (s stat) ModTime() time.Time { return time.Time{} }
func (s stat) IsDir() bool        { return s.mode.IsDir() }
func (s stat) Sys() any           { return nil }
