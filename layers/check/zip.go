package check

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/graft-lambda/graft/layers"
)

// bomb is how many bytes a zip may say that it unpacks to before nothing of it
// is read: several times what Lambda takes.
const bomb = 4 * layers.MaxUnzipped

// ReadZip reads the layer in a zip of size bytes, from its own bytes. Whatever
// is wrong with them is a finding.
func ReadZip(name string, r io.ReaderAt, size int64) *Layer {
	l := &Layer{Name: name, entries: map[string]*entry{}, packed: size}
	if size > layers.MaxUnzipped {
		l.found.add("zip-unreadable", name, 0, "it is larger than all layers together may be unpacked, %s", layers.Megabytes(layers.MaxUnzipped))
		return l
	}
	z, err := layers.OpenZip(r, size)
	if err != nil {
		l.found.add("zip-unreadable", name, 0, "%s", unreadable(err))
		return l
	}
	zr := zipReading{layer: l, seen: map[string]bool{}}
	for _, f := range z.File {
		zr.add(f)
	}
	if zr.claimed > bomb {
		l.found.add("zip-bomb", name, 0, "%s that say they unpack to %s", layers.Megabytes(size), layers.Megabytes(zr.claimed))
		clear(l.entries)
		return l
	}
	zr.readLinks()
	zr.nest()
	return l
}

// unreadable says in plain words what archive/zip found.
func unreadable(err error) string {
	switch {
	case errors.Is(err, zip.ErrFormat):
		return "is no zip, or its table of contents is cut off or damaged"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "ends too early"
	}
	return strings.TrimPrefix(err.Error(), "zip: ")
}

// zipReading takes in the entries of a zip.
type zipReading struct {
	layer   *Layer
	seen    map[string]bool
	links   []*entry
	claimed int64 // bytes that the entries say they unpack to
}

// add takes in one entry.
func (z *zipReading) add(f *zip.File) {
	l := z.layer
	name := path.Clean(f.Name)
	place := l.place(f.Name)
	size := int64(min(f.UncompressedSize64, 1<<40)) // whatever it says, sums stay sums
	z.claimed += size
	mode := f.Mode()
	err := layers.VetZipped(f)
	sealed := errors.Is(err, layers.ErrEncrypted) || errors.Is(err, layers.ErrMethod)
	if err != nil {
		l.refuse(place, err)
		if !sealed && !errors.Is(err, layers.ErrSetID) {
			return
		}
	}
	if name == "." {
		return
	}
	if z.seen[name] {
		if !mode.IsDir() || !l.entries[name].mode.IsDir() {
			l.found.add("zip-duplicate", place, 0, "is there more than once")
		}
		return
	}
	z.seen[name] = true
	e := &entry{name: name, layer: l, mode: mode}
	l.entries[name] = e
	if mode.IsDir() {
		return
	}
	e.size = size
	e.open = func() (io.ReadCloser, error) {
		if sealed {
			return nil, errRefused
		}
		return openEntry(f)
	}
	if mode&fs.ModeSymlink != 0 {
		z.links = append(z.links, e)
	}
}

// errRefused says that an entry's content is not read, which is a finding already.
var errRefused = errors.New("cannot be read")

// openEntry opens an entry, which yields no more than it says it holds.
func openEntry(f *zip.File) (io.ReadCloser, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	return &bounded{ReadCloser: r, left: int64(min(f.UncompressedSize64, 1<<40))}, nil
}

// bounded is an entry that must hold what it says it holds.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	// One byte more than is left tells whether there is more.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errGrew
	}
	return n, err
}

// readLinks reads what the links point to, which is their content.
func (z *zipReading) readLinks() {
	for _, e := range z.links {
		l := z.layer
		target, err := "", errTooLarge
		if e.size <= layers.MaxTarget {
			var data []byte
			data, err = e.data()
			target = string(data)
		}
		if err != nil {
			if err != errRefused {
				l.found.add("zip-corrupt", e.place(), 0, "a link: %s", corrupt(err))
			}
			delete(l.entries, e.name)
			continue
		}
		if err := layers.VetEntry(e.name, e.mode, target); err != nil {
			l.refuse(e.place(), err)
			delete(l.entries, e.name)
			continue
		}
		e.target, e.size = target, 0
	}
}

// nest finds files that other entries use as a folder.
func (z *zipReading) nest() {
	l := z.layer
	folders := map[string]bool{".": true} // whether nothing but folders leads there
	// within tells whether what lies in dir has folders only above it. A folder
	// is looked at once, or else many deep names would take their time.
	var within func(dir string) bool
	within = func(dir string) bool {
		if is, ok := folders[dir]; ok {
			return is
		}
		e, ok := l.entries[dir]
		is := (!ok || e.mode.IsDir()) && within(path.Dir(dir))
		if ok && !e.mode.IsDir() {
			l.found.add("zip-duplicate", e.place(), 0, "is both a file and a folder")
		}
		folders[dir] = is
		return is
	}
	for _, name := range l.names() {
		if !within(path.Dir(name)) {
			delete(l.entries, name)
		}
		if len(folders) > layers.MaxEntries {
			l.found.add("zip-unreadable", l.Name, 0, "has more than %d folders", layers.MaxEntries)
			clear(l.entries)
			return
		}
	}
}
