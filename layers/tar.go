package layers

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// whiteout begins the names by which a layer of an image deletes what those
// below it have: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
const whiteout = ".wh."

var errWhiteout = errors.New("in an image a name that begins with " + whiteout + " deletes files: it cannot ship in one")

// writeTar writes the items, and the folders that they lie in, below opt.
func writeTar(out *chunks, items []*item) error {
	w := tar.NewWriter(out)
	made := map[string]bool{}
	var mkdir func(name string) error
	mkdir = func(name string) error {
		if name == "." || made[name] {
			return nil
		}
		made[name] = true
		if err := mkdir(path.Dir(name)); err != nil {
			return err
		}
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: imageDate})
	}
	for _, it := range items {
		name := path.Join("opt", it.name)
		if strings.HasPrefix(it.name, whiteout) || strings.Contains(it.name, "/"+whiteout) {
			return fmt.Errorf("%s: %w", it.name, errWhiteout)
		}
		if err := mkdir(path.Dir(name)); err != nil {
			return err
		}
		if err := it.writeTar(w, out, name); err != nil {
			return fmt.Errorf("%s: %w", it.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.close()
}

// writeTar writes one item as name.
func (it *item) writeTar(w *tar.Writer, out *chunks, name string) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: it.size, Mode: int64(it.mode.Perm()), ModTime: imageDate}
	if it.link() {
		h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, it.target, 0
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	out.files += int(it.size)
	if it.link() {
		return nil
	}
	content, err := it.open()
	if err != nil {
		return err
	}
	defer content.Close()
	// A file that is not as long as it was is an error of the tar writer's.
	if _, err := io.Copy(w, content); err != nil {
		return err
	}
	return w.Flush()
}

// chunks sends what is written to it into a pipeline, as one stream.
type chunks struct {
	pipe  *pipeline
	c     *chunk
	files int // bytes of files that the next chunk to be sent completes
}

func (w *chunks) Write(data []byte) (int, error) {
	for rest := data; len(rest) > 0; {
		if err := w.need(); err != nil {
			return 0, err
		}
		n := min(len(rest), chunkSize-len(w.c.raw))
		w.c.raw, rest = append(w.c.raw, rest[:n]...), rest[n:]
		if len(w.c.raw) == chunkSize {
			w.send()
		}
	}
	return len(data), nil
}

// close sends the last chunk of the stream.
func (w *chunks) close() error {
	if err := w.need(); err != nil {
		return err
	}
	w.c.last = true
	w.send()
	return nil
}

// need makes sure that there is a chunk to write to.
func (w *chunks) need() (err error) {
	if w.c == nil {
		w.c, err = w.pipe.take()
	}
	return err
}

func (w *chunks) send() {
	w.c.files, w.files = w.files, 0
	w.pipe.send(w.c)
	w.c = nil
}
