package layers_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
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
		require.NoError(t, opened(t, dir).WriteZip(t.Context(), &out, nil))
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

// opened is the layer of a folder.
func opened(t *testing.T, dir string) *layers.Layer {
	t.Helper()
	l, err := layers.OpenFolder(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestZipRefuses refuses what Lambda would not unpack, or unpack as something
// else.
func TestZipRefuses(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		with  func(t *testing.T, dir string)
		want  string
	}{
		{name: "socket", with: func(t *testing.T, dir string) {
			l, err := net.Listen("unix", filepath.Join(dir, "s"))
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, want: "s: neither a file nor a link"},
		{name: "absolute link", files: map[string]string{"a/l": "->/etc/passwd"}, want: "a/l: a link that leaves the layer"},
		{name: "link outside", files: map[string]string{"a/l": "->../../x"}, want: "a/l: a link that leaves the layer"},
		{name: "link outside through links", files: map[string]string{"d": "->.", "l": "->d/d/../.."}, want: "l: a link to nothing in the layer"},
		{name: "set-group-id", files: map[string]string{"s": "x"}, with: func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(filepath.Join(dir, "s"), 0o755|fs.ModeSetgid))
		}, want: "s: a set-user-id or set-group-id file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, test.files)
			if test.with != nil {
				test.with(t, dir)
			}
			_, err := layers.OpenFolder(t.Context(), dir)
			assert.EqualError(t, err, test.want)
		})
	}
	_, err := layers.OpenFolder(t.Context(), filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// TestZipOnAnyNumberOfCores packs files of no, one and several chunks, and of
// exactly one, which compress well or not at all, on one core and on more.
func TestZipOnAnyNumberOfCores(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	content := map[string][]byte{"empty": nil, "a/short": []byte("a"), "a.b": []byte("sorts before a/, and compresses: " + strings.Repeat("x", 100)), "é": []byte("é")}
	for name, size := range map[string]int{"chunk": 1 << 20, "chunks": 5<<20 + 1, "many": 20 << 20} {
		content["text/"+name] = bytes.Repeat([]byte("all that graft packs\n"), size/21+1)[:size]
	}
	for name, size := range map[string]int{"part": 1000, "chunk": 1 << 20, "chunks": 3<<20 + 7} {
		noise := make([]byte, size)
		random.Read(noise)
		content["noise/"+name] = noise
	}
	dir, total := t.TempDir(), int64(0)
	for name, data := range content {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		total += int64(len(data))
	}
	var zips [][]byte
	for _, cores := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(cores)
		var out bytes.Buffer
		var last, of int64
		err := opened(t, dir).WriteZip(t.Context(), &out, func(done, total int64) {
			assert.GreaterOrEqual(t, done, last)
			last, of = done, total
		})
		runtime.GOMAXPROCS(before)
		require.NoError(t, err)
		assert.Equal(t, total, last)
		assert.Equal(t, total, of)
		zips = append(zips, out.Bytes())
	}
	assert.True(t, bytes.Equal(zips[0], zips[1]) && bytes.Equal(zips[0], zips[2]), "the same bytes on any number of cores")

	z, err := zip.NewReader(bytes.NewReader(zips[0]), int64(len(zips[0])))
	require.NoError(t, err)
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r) // which compares the checksum
		require.NoError(t, err, f.Name)
		assert.True(t, bytes.Equal(content[f.Name], data), f.Name)
		assert.Equal(t, 1980, f.Modified.Year())
		if strings.HasPrefix(f.Name, "noise/") {
			assert.Less(t, f.CompressedSize64, f.UncompressedSize64+f.UncompressedSize64/1000+16, f.Name)
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(content)), names)
}

// TestZipCancelled ends while chunks are under way.
func TestZipCancelled(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 40<<20), 0o644))
	ctx, cancel := context.WithCancel(t.Context())
	out := filepath.Join(t.TempDir(), "x.zip")
	assert.ErrorIs(t, opened(t, dir).Zip(ctx, out, func(int64, int64) { cancel() }), context.Canceled)
	left, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestZipFailsWithItsWriter fills what takes a few bytes only.
func TestZipFailsWithItsWriter(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 40<<20), 0o644))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	defer w.Close()
	assert.ErrorIs(t, opened(t, dir).WriteZip(t.Context(), w, nil), syscall.EPIPE)
}

// TestZipPanics: a panic of whoever is told of the progress reaches the caller,
// though there is more to read.
func TestZipPanics(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 40<<20), 0o644))
	l := opened(t, dir)
	assert.PanicsWithValue(t, "told", func() {
		_ = l.WriteZip(t.Context(), io.Discard, func(int64, int64) { panic("told") })
	})
}

// unzipped lists what a zip holds: mode and content, or the link's target.
func unzipped(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		all[f.Name] = f.Mode().String() + " " + string(content)
	}
	return all
}
