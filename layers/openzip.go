package layers

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
)

// maxDirectory bounds a zip's table of contents, in bytes: room for some
// 100,000 files. It is held in memory, where it takes several times as much.
const maxDirectory = 16 << 20

var errDirectory = fmt.Errorf("its table of contents is larger than %d MB", maxDirectory>>20)

// OpenZip reads the table of contents of a zip of size bytes that is not
// trusted, and returns an error rather than hold more than a layer can need.
// The entries are not judged; [VetZipped] does that. The error wraps
// [zip.ErrFormat] if r is no zip.
func OpenZip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	d := &directory{r: r, left: maxDirectory}
	z, err := zip.NewReader(d, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // VetZipped names the entry
		return nil, err
	}
	d.read = true
	return z, nil
}

// A directory is a zip whose table of contents is read first, up to a bound.
type directory struct {
	r    io.ReaderAt
	left int64 // bytes that may yet be read of the table
	read bool  // the table is read; what comes now are entries
}

func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if !d.read {
		if d.left -= int64(len(p)); d.left < 0 {
			return 0, errDirectory
		}
	}
	return d.r.ReadAt(p, off)
}
