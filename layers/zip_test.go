package layers_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// TestZip writes one layer twice, from files of other dates and modes: the
// zips are the same, and hold what Lambda needs.
func TestZip(t *testing.T) {
	write := func(mode fs.FileMode, date time.Time) []byte {
		dir := t.TempDir()
		for _, name := range []string{"graft", "graft.d/50-a.env", "a/b"} {
			file := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(name), 0o644))
			require.NoError(t, os.Chtimes(file, date, date))
		}
		require.NoError(t, os.Chmod(filepath.Join(dir, "graft"), mode))
		require.NoError(t, os.Symlink("b", filepath.Join(dir, "a/link")))
		var out bytes.Buffer
		require.NoError(t, layers.WriteZip(&out, os.DirFS(dir)))
		return out.Bytes()
	}
	data := write(0o755, time.Unix(1e9, 0))
	assert.Equal(t, data, write(0o700, time.Unix(2e9, 0)), "the same files give the same bytes")

	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	var names []string
	for _, f := range z.File {
		names = append(names, f.Mode().String()+" "+f.Name)
		assert.Equal(t, 1980, f.Modified.Year())
	}
	assert.Equal(t, []string{"-rw-r--r-- a/b", "Lrwxrwxrwx a/link", "-rwxr-xr-x graft", "-rw-r--r-- graft.d/50-a.env"}, names)
	link, err := z.File[1].Open()
	require.NoError(t, err)
	target, err := io.ReadAll(link)
	require.NoError(t, err)
	assert.Equal(t, "b", string(target))
}

// TestZipSocket refuses what is no file.
func TestZipSocket(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	defer l.Close()
	assert.ErrorContains(t, layers.WriteZip(io.Discard, os.DirFS(dir)), "socket: neither a file nor a link")
}

// TestBuild builds the bare layer twice for each architecture.
func TestBuild(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			var zips [2][]byte
			for i := range zips {
				dir, out := t.TempDir(), filepath.Join(t.TempDir(), "dist", "graft.zip")
				require.NoError(t, os.WriteFile(filepath.Join(dir, "left-over"), nil, 0o644))
				require.NoError(t, layers.Build(t.Context(), dir, layers.Options{Arch: arch}))
				assert.NoFileExists(t, filepath.Join(dir, "left-over"))
				require.NoError(t, layers.Zip(dir, out))
				data, err := os.ReadFile(out)
				require.NoError(t, err)
				zips[i] = data
			}
			assert.True(t, bytes.Equal(zips[0], zips[1]), "two builds give the same bytes")
		})
	}
	assert.ErrorContains(t, layers.Build(t.Context(), t.TempDir(), layers.Options{Arch: "x86"}), `architecture "x86"`)
}
