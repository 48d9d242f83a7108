package layers

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	blank "github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imageDate is the date of all that is in an image: the one that zips have.
var imageDate = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// An Image is a layer for one architecture.
type Image struct {
	Arch  string // amd64 or arm64
	Layer *Layer
}

// WriteOCI writes layers as an OCI image layout into the folder dst: an image
// for each architecture whose one layer has the files below /opt, and an index
// of them, tagged latest, so that the line of a Dockerfile is
//
//	COPY --from=graft /opt /opt
//
// The layout is the same to the byte for the same files, and nothing is fetched
// for it. dst must be missing, empty, or a
// layout, which is replaced. Progress may be nil.
func WriteOCI(ctx context.Context, dst string, images []Image, progress Progress) error {
	if err := replaceable(dst); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dst), "."+filepath.Base(dst)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	var index v1.ImageIndex = blank.Index
	for _, im := range images {
		image, err := im.image(ctx, filepath.Join(tmp, im.Arch+".tar.gz"), progress)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: im.Arch}},
		})
	}
	tagged := mutate.AppendManifests(blank.Index, mutate.IndexAddendum{
		Add: index, Descriptor: v1.Descriptor{Annotations: map[string]string{"org.opencontainers.image.ref.name": "latest"}},
	})
	made := filepath.Join(tmp, "layout")
	if _, err := layout.Write(made, tagged); err != nil {
		return err
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(dst); err != nil {
		return err
	}
	return os.Rename(made, dst)
}

// VetOCI reports why no layout can be written into the folder dst when zips are
// written into the folder zips.
func VetOCI(dst, zips string) error {
	layout, err := realPath(dst)
	if err != nil {
		return err
	}
	beside, err := realPath(zips)
	if err != nil {
		return err
	}
	if within(beside, layout) {
		return fmt.Errorf("%q: the zips are written there: give a folder of its own", dst)
	}
	return replaceable(dst)
}

// replaceable tells why dst may not be replaced by a layout.
func replaceable(dst string) error {
	entries, err := os.ReadDir(dst)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) > 0 && !slices.Equal(names, []string{"blobs", "index.json", "oci-layout"}) {
		return fmt.Errorf("%q: neither empty nor an OCI image layout: give a folder that may be emptied", dst)
	}
	return nil
}

// image makes the image, with its layer in the file blob.
func (im Image) image(ctx context.Context, blob string, progress Progress) (v1.Image, error) {
	packed, err := im.pack(ctx, blob, progress)
	if err != nil {
		return nil, err
	}
	layer, err := partial.CompressedToLayer(packed)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(blank.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: "linux", Architecture: im.Arch, Created: v1.Time{Time: imageDate}, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{
		Layer: layer, MediaType: types.OCILayer, History: v1.History{CreatedBy: "graft build", Created: v1.Time{Time: imageDate}},
	})
}

// pack writes the layer, a tar compressed by gzip, to the file blob.
func (im Image) pack(ctx context.Context, blob string, progress Progress) (*packed, error) {
	items := im.Layer.sorted()
	out, err := os.Create(blob)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &packed{blob: blob, digest: sha256.New(), diffID: sha256.New()}
	to := io.MultiWriter(out, p.digest)
	if _, err := to.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")); err != nil { // gzip: no name, no date, no system
		return nil, err
	}
	var crc, size uint32
	report := reporter(items, progress)
	source := func(pipe *pipeline) error { return writeTar(&chunks{pipe: pipe}, items) }
	err = compress(ctx, source, func(c *chunk) error {
		crc = crc32.Update(crc, crc32.IEEETable, c.raw)
		size += uint32(len(c.raw))
		p.diffID.Write(c.raw)
		report(c.files)
		_, err := to.Write(c.packed.Bytes())
		return err
	})
	if err != nil {
		return nil, err
	}
	end := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc), size)
	if _, err := to.Write(end); err != nil {
		return nil, err
	}
	return p, out.Close()
}

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

func (w *chunks) close() error {
	if err := w.need(); err != nil {
		return err
	}
	w.c.last = true
	w.send()
	return nil
}

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

// packed is a layer in a file.
type packed struct {
	blob           string
	digest, diffID hash.Hash
}

func (p *packed) Digest() (v1.Hash, error)            { return named(p.digest), nil }
func (p *packed) DiffID() (v1.Hash, error)            { return named(p.diffID), nil }
func (p *packed) Compressed() (io.ReadCloser, error)  { return os.Open(p.blob) }
func (p *packed) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

func (p *packed) Size() (int64, error) {
	info, err := os.Stat(p.blob)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func named(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}
