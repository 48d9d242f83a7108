package layers_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// TestWriteOCI writes a layer for both architectures twice, on one core and on
// several, and reads it back.
func TestWriteOCI(t *testing.T) {
	src := folder(t, map[string]string{
		"graft.d/50-a.env": "A=1\n", "a/run": "#!/bin/sh\n", "a/link": "->run", "a.b": "x", "large": strings.Repeat("large\n", 1<<19),
		"a/" + strings.Repeat("long/", 40) + "name": "l", "empty": "",
	})
	require.NoError(t, os.Chmod(filepath.Join(src, "a/run"), 0o700))
	images := []layers.Image{{Arch: "amd64", Layer: opened(t, src)}, {Arch: "arm64", Layer: opened(t, folder(t, map[string]string{"arm": "64"}))}}
	out := filepath.Join(t.TempDir(), "deep/oci")
	var last, total int64
	require.NoError(t, layers.WriteOCI(t.Context(), out, images, func(done, of int64) { last, total = done, of }))
	assert.Equal(t, int64(2), total)
	assert.Equal(t, total, last)
	first := digests(t, out)
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	require.NoError(t, layers.WriteOCI(t.Context(), out, images, nil), "over the layout that is there")
	assert.Equal(t, first, digests(t, out))
	left, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing is left beside it")

	outer, err := layout.ImageIndexFromPath(out)
	require.NoError(t, err)
	require.NoError(t, validate.Index(outer))
	manifest, err := outer.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	assert.Equal(t, "latest", manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"])
	assert.Equal(t, types.OCIImageIndex, manifest.Manifests[0].MediaType)
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	manifest, err = index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 2)
	for i, m := range manifest.Manifests {
		assert.Equal(t, &v1.Platform{OS: "linux", Architecture: images[i].Arch}, m.Platform)
		image, err := index.Image(m.Digest)
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, images[i].Arch, config.Architecture)
		parts, err := image.Layers()
		require.NoError(t, err)
		require.Len(t, parts, 1)
		kind, err := parts[0].MediaType()
		require.NoError(t, err)
		assert.Equal(t, types.OCILayer, kind)

		var packed bytes.Buffer
		require.NoError(t, images[i].Layer.WriteZip(t.Context(), &packed, nil))
		assert.Equal(t, unzipped(t, packed.Bytes()), untarred(t, parts[0]), "the same files as in the zip")
	}
}

// TestVetOCI refuses what WriteOCI could not replace, or not without harm.
func TestVetOCI(t *testing.T) {
	dir := folder(t, map[string]string{"theirs/letter": "dear", "zips/x-amd64.zip": "", "file": ""})
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "here/deeper"), 0o755))
	t.Chdir(filepath.Join(dir, "here/deeper"))
	for dst, want := range map[string]string{
		"new":          "",
		"../beside":    "",
		".":            `".": the working directory would be deleted`,
		"..":           `"..": the working directory would be deleted`,
		"../../zips":   `"../../zips": the zips are written there`,
		"../../theirs": `"../../theirs": neither empty nor an OCI image layout`,
		"../../file":   "not a directory",
	} {
		err := layers.VetOCI(dst, filepath.Join(dir, "zips"))
		if want == "" {
			assert.NoError(t, err, dst)
		} else {
			assert.ErrorContains(t, err, want, dst)
		}
	}
}

// untarred lists what is in a layer as unzipped does, less the opt/ before each
// name; every folder comes before what is in it.
func untarred(t *testing.T, layer v1.Layer) map[string]string {
	t.Helper()
	r, err := layer.Uncompressed()
	require.NoError(t, err)
	defer r.Close()
	all, folders := map[string]string{}, map[string]bool{"": true}
	for r := tar.NewReader(r); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		assert.Equal(t, 1980, h.ModTime.UTC().Year())
		assert.Zero(t, h.Uid+h.Gid)
		assert.Empty(t, h.Uname+h.Gname)
		parent, _ := filepath.Split(strings.TrimSuffix(h.Name, "/"))
		assert.True(t, folders[parent], "the folder of %s comes first", h.Name)
		if h.Typeflag == tar.TypeDir {
			assert.Equal(t, fs.FileMode(0o755), h.FileInfo().Mode().Perm())
			folders[h.Name] = true
			continue
		}
		name, ok := strings.CutPrefix(h.Name, "opt/")
		assert.True(t, ok, h.Name)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		if h.Typeflag == tar.TypeSymlink {
			content = []byte(h.Linkname)
		}
		all[name] = h.FileInfo().Mode().String() + " " + string(content)
	}
}

// digests is the digest of every file below dir.
func digests(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	for name, content := range staged(t, dir) {
		all[name] = sha256.Sum256([]byte(content))
	}
	return all
}

func TestWriteOCIRefuses(t *testing.T) {
	src := folder(t, map[string]string{"f": ""})
	images := []layers.Image{{Arch: "amd64", Layer: opened(t, src)}}
	theirs := folder(t, map[string]string{"index.json": "", "letter": "dear"})
	before := staged(t, theirs)
	assert.ErrorContains(t, layers.WriteOCI(t.Context(), theirs, images, nil), "neither empty nor an OCI image layout")
	assert.Equal(t, before, staged(t, theirs))

	out := filepath.Join(t.TempDir(), "oci")
	require.NoError(t, os.Remove(filepath.Join(src, "f")))
	assert.ErrorIs(t, layers.WriteOCI(t.Context(), out, images, nil), fs.ErrNotExist, "a file that is gone since")
	left, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestWriteOCIRefusesWhiteouts has names that an image's layer cannot hold:
// whoever unpacks them deletes files.
func TestWriteOCIRefusesWhiteouts(t *testing.T) {
	for _, name := range []string{".wh.f", "a/.wh..wh..opq", "a/.wh.b/f"} {
		out := filepath.Join(t.TempDir(), "oci")
		images := []layers.Image{{Arch: "amd64", Layer: opened(t, folder(t, map[string]string{"f": "", name: ""}))}}
		assert.ErrorContains(t, layers.WriteOCI(t.Context(), out, images, nil), name+": in an image a name that begins with .wh. deletes files")
		assert.NoDirExists(t, out)
	}
}
