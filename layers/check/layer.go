package check

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/layers"
)

// A Layer is what lies below /opt of one layer.
type Layer struct {
	// Name is what findings call the layer: the path that was given.
	Name string

	entries map[string]*entry // by slash-separated path
	folder  bool              // a source folder: modes are not yet those that ship
	fsys    fs.FS             // of a folder
	packed  int64             // bytes of the zip; 0 of a folder
	pending []string          // folders of manifests that are still to be installed
	found   findings
	close   func() error
}

// An entry is a file, a folder or a link.
type entry struct {
	name   string
	layer  *Layer
	mode   fs.FileMode // as Lambda unpacks it
	size   int64
	target string // of a link
	// open returns the content of a file. If that is no io.ReaderAt, it can be
	// read from the start only.
	open func() (io.ReadCloser, error)

	// What is known of the file since it was read.
	first  string         // the first line, if it begins with #!
	object *native.Object // if it is ELF
	found  findings
}

// Close releases what the layer was read from.
func (l *Layer) Close() error {
	if l.close == nil {
		return nil
	}
	return l.close()
}

// source reports whether graft build, which adds graft's own files, has not made
// the layer yet.
func (l *Layer) source() bool { return l.folder && l.entries["graft"] == nil }

// place is how a finding names a file of the layer, however strange its name.
func (l *Layer) place(name string) string { return l.Name + "/" + name }

// names returns the paths in order.
func (l *Layer) names() []string { return slices.Sorted(maps.Keys(l.entries)) }

// files returns the regular files in order.
func (l *Layer) files() []*entry {
	var list []*entry
	for _, name := range l.names() {
		if e := l.entries[name]; e.mode.IsRegular() {
			list = append(list, e)
		}
	}
	return list
}

// count is how many files and links there are.
func (l *Layer) count() int {
	n := 0
	for _, e := range l.entries {
		if !e.mode.IsDir() {
			n++
		}
	}
	return n
}

// unzipped is what the layer's files weigh, in bytes.
func (l *Layer) unzipped() int64 {
	var sum int64
	for _, e := range l.entries {
		sum += e.size
	}
	return sum
}

// place is how a finding names the file.
func (e *entry) place() string { return e.layer.place(e.name) }

// executable reports whether Lambda's user may execute the file.
func (e *entry) executable() bool { return e.mode&0o001 != 0 }

// program reports whether anyone may execute the file.
func (e *entry) program() bool { return e.mode&0o111 != 0 }

// maxWhole is the largest file that is read as a whole, in bytes.
const maxWhole = layers.MaxUnzipped

var errTooLarge = errors.New("too large to be looked into")

// data returns the whole content.
func (e *entry) data() ([]byte, error) {
	if e.size > maxWhole {
		return nil, errTooLarge
	}
	r, err := e.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readInto(make([]byte, 0, e.size+1), r)
}

var errGrew = errors.New("holds more than its size says")
