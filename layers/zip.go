package layers

import (
	"archive/zip"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// zipDate is the date of every entry, 1980-01-01 as MS-DOS writes it: the first
// that a zip can hold. With names in order and no owner, the same files give
// the same bytes.
const zipDate = 1<<5 | 1

// A Progress is called with the number of bytes of a layer's files that are
// packed, and of all that are to be. It is called by one goroutine at a time.
type Progress func(done, total int64)

// WriteZip writes the layer's files as Lambda unpacks them to /opt:
// regular files as 0644 or, if anyone may execute them, 0755, and symbolic
// links that stay inside as links. The zip is the same to the byte for the same
// files, however many cores compress it. Progress may be nil.
func (l *Layer) WriteZip(ctx context.Context, w io.Writer, progress Progress) error {
	items := l.sorted()
	z := zipper{zip: zip.NewWriter(w), report: reporter(items, progress)}
	err := compress(ctx, func(p *pipeline) error { return send(p, items) }, z.add)
	if err != nil {
		return err
	}
	return z.zip.Close()
}

// send reads the items, cuts them into chunks and sends those into p.
func send(p *pipeline, items []*item) error {
	for _, it := range items {
		if err := it.send(p); err != nil {
			return fmt.Errorf("%s: %w", it.name, err)
		}
	}
	return nil
}

// send sends the content of one item into p.
func (it *item) send(p *pipeline) error {
	content, err := it.open()
	if err != nil {
		return err
	}
	defer content.Close()
	for end := false; !end; {
		c, err := p.take()
		if err != nil {
			return err
		}
		c.item = it
		if end, err = c.fill(content); err != nil {
			return err
		}
		c.last = end
		p.send(c)
	}
	return nil
}

// A zipper writes compressed chunks into a zip.
type zipper struct {
	zip    *zip.Writer
	report func(n int)

	header *zip.FileHeader // of the entry that is being written, if it takes several chunks
	entry  io.Writer
	raw    uint64 // bytes of it so far
	packed uint64
	crc    uint32
}

// add writes a chunk. A file of one chunk that compression makes no smaller is
// stored as it is.
func (z *zipper) add(c *chunk) error {
	data := c.packed.Bytes()
	if z.header == nil {
		z.header = header(c.item)
		z.raw, z.packed, z.crc = 0, 0, 0
		if c.last && (len(data) >= len(c.raw) || c.item.link()) {
			z.header.Method = zip.Store
			data = c.raw
		}
		if !c.last {
			z.header.Flags |= 1 << 3 // sizes and checksum follow the data
		}
	}
	z.raw += uint64(len(c.raw))
	z.packed += uint64(len(data))
	z.crc = crc32.Update(z.crc, crc32.IEEETable, c.raw)
	if c.last {
		z.header.CRC32, z.header.CompressedSize64, z.header.UncompressedSize64 = z.crc, z.packed, z.raw
	}
	if z.entry == nil {
		var err error
		if z.entry, err = z.zip.CreateRaw(z.header); err != nil {
			return err
		}
	}
	if _, err := z.entry.Write(data); err != nil {
		return err
	}
	if c.last {
		// The zip's directory, and what follows the data, take the sizes of an
		// entry below 4 GB from here.
		//lint:ignore SA1019 CreateRaw had set them before they were known
		z.header.CompressedSize, z.header.UncompressedSize = uint32(min(z.packed, 1<<32-1)), uint32(min(z.raw, 1<<32-1))
		z.header, z.entry = nil, nil
	}
	z.report(len(c.raw))
	return nil
}

// header is the zip's header of an entry, but for its sizes and checksum.
func header(it *item) *zip.FileHeader {
	h := &zip.FileHeader{Name: it.name, Method: zip.Deflate, ReaderVersion: 20}
	h.SetMode(it.mode)
	//lint:ignore SA1019 CreateRaw takes the date from here alone
	h.ModifiedDate = zipDate
	if strings.ContainsFunc(it.name, func(r rune) bool { return r >= 0x80 }) {
		h.Flags |= 1 << 11 // the name is UTF-8
	}
	return h
}

// reporter returns a function that adds up packed bytes and tells progress.
func reporter(items []*item, progress Progress) func(n int) {
	var done, total int64
	for _, it := range items {
		total += it.size
	}
	return func(n int) {
		done += int64(n)
		if progress != nil {
			progress(done, max(done, total))
		}
	}
}

// Zip writes the layer's zip to the file out, whole or not at all, as
// [Layer.WriteZip] does.
func (l *Layer) Zip(ctx context.Context, out string, progress Progress) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = l.WriteZip(ctx, tmp, progress)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), out)
}
