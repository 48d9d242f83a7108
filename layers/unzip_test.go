package layers_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// A zipped is one entry of a zip that a test makes.
type zipped struct {
	name, text, comment string
	mode                fs.FileMode
	flags               uint16
}

func zipFile(t *testing.T, entries ...zipped) string {
	t.Helper()
	var data bytes.Buffer
	z := zip.NewWriter(&data)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Flags: e.flags, Comment: e.comment}
		h.SetMode(e.mode)
		w, err := z.CreateHeader(h)
		require.NoError(t, err)
		if e.text != "" {
			_, err = w.Write([]byte(e.text))
			require.NoError(t, err)
		}
	}
	require.NoError(t, z.Close())
	file := filepath.Join(t.TempDir(), "layer.zip")
	require.NoError(t, os.WriteFile(file, data.Bytes(), 0o644))
	return file
}

// TestUnzip unpacks what Zip has made, and finds the same layer.
func TestUnzip(t *testing.T) {
	dir := folder(t, map[string]string{"extensions/a": "#!/bin/sh\n", "lib/b": "bb", "lib/c": "->b", "lib/d": "->../extensions"})
	require.NoError(t, os.Chmod(filepath.Join(dir, "extensions/a"), 0o755))
	file := filepath.Join(t.TempDir(), "layer.zip")
	require.NoError(t, opened(t, dir).Zip(t.Context(), file, nil))

	dst := t.TempDir()
	n, err := layers.Unzip(t.Context(), file, dst, layers.MaxUnzipped)
	require.NoError(t, err)
	assert.Equal(t, int64(len("#!/bin/sh\nbb")), n)
	assert.Equal(t, staged(t, dir), staged(t, dst))
}

// TestUnzipTableOfContents has one that is larger than a layer's can be, of few
// entries.
func TestUnzipTableOfContents(t *testing.T) {
	entries := make([]zipped, 300)
	for i := range entries {
		entries[i] = zipped{name: fmt.Sprint(i), comment: strings.Repeat("c", 60_000)}
	}
	file := zipFile(t, entries...)
	_, err := layers.Unzip(t.Context(), file, t.TempDir(), layers.MaxUnzipped)
	assert.EqualError(t, err, file+": its table of contents is larger than 16 MB")
}

// TestUnzipKeeps takes what is unusual and no danger.
func TestUnzipKeeps(t *testing.T) {
	file := zipFile(t,
		zipped{name: "./", mode: fs.ModeDir | 0o755},
		zipped{name: "empty/", mode: fs.ModeDir | 0o700},
		zipped{name: "./dot/x", text: "x", mode: 0o640},
		zipped{name: "links/opt", text: "/opt/other/layer.so", mode: fs.ModeSymlink | 0o777},
		zipped{name: "links/nothing", text: "../other", mode: fs.ModeSymlink | 0o777},
		zipped{name: "dot/", mode: fs.ModeDir | 0o755},
	)
	dst := t.TempDir()
	_, err := layers.Unzip(t.Context(), file, dst, 1)
	require.NoError(t, err)
	for name, mode := range map[string]fs.FileMode{"empty": fs.ModeDir | 0o755, "dot/x": 0o640, "links/opt": fs.ModeSymlink | 0o777} {
		info, err := os.Lstat(filepath.Join(dst, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), name)
	}
	target, err := os.Readlink(filepath.Join(dst, "links/nothing"))
	require.NoError(t, err)
	assert.Equal(t, "../other", target)
}

// TestUnzipRefuses gives zips that want more than a layer may, and finds
// nothing beside the folder.
func TestUnzipRefuses(t *testing.T) {
	const symlink = fs.ModeSymlink | 0o777
	for _, test := range []struct {
		name    string
		entries []zipped
		most    int64
		want    string // after the zip's name
	}{
		{name: "path upwards", entries: []zipped{{name: "a/../../x"}}, want: `"a/../../x": a name that leaves the layer`},
		{name: "absolute path", entries: []zipped{{name: "/etc/x"}}, want: `"/etc/x": an absolute name`},
		{name: "backslashes", entries: []zipped{{name: `..\x`}}, want: `"..\\x": a backslash in the name`},
		{name: "folder upwards", entries: []zipped{{name: "../d/", mode: fs.ModeDir | 0o755}}, want: `"../d/": a name that leaves the layer`},
		{name: "absolute link", entries: []zipped{{name: "l", text: "/etc/passwd", mode: symlink}}, want: `"l": a link that leaves the layer`},
		{name: "absolute link through /opt", entries: []zipped{{name: "l", text: "/opt/../etc", mode: symlink}}, want: `"l": a link that leaves the layer`},
		{name: "link upwards", entries: []zipped{{name: "a/l", text: "../../x", mode: symlink}}, want: `"a/l": a link that leaves the layer`},
		{name: "link upwards through links", entries: []zipped{{name: "d", text: ".", mode: symlink}, {name: "l", text: "d/d/../..", mode: symlink}}, want: `"l": a link that leaves the layer`},
		{name: "empty link", entries: []zipped{{name: "l", mode: symlink}}, want: `"l": a link that leaves the layer: no path in it`},
		{name: "long link", entries: []zipped{{name: "l", text: strings.Repeat("x", 5000), mode: symlink}}, want: `"l": a link that leaves the layer: no path in it`},
		{name: "file through a link", entries: []zipped{{name: "l", text: "d", mode: symlink}, {name: "l/x", text: "x"}}, want: `"l": file exists`},
		{name: "set-user-id", entries: []zipped{{name: "s", mode: 0o755 | fs.ModeSetuid}}, want: `"s": a set-user-id or set-group-id file`},
		{name: "set-group-id", entries: []zipped{{name: "s", mode: 0o755 | fs.ModeSetgid}}, want: `"s": a set-user-id or set-group-id file`},
		{name: "device", entries: []zipped{{name: "dev", mode: fs.ModeDevice | 0o666}}, want: `"dev": neither a file nor a link`},
		{name: "pipe", entries: []zipped{{name: "p", mode: fs.ModeNamedPipe | 0o666}}, want: `"p": neither a file nor a link`},
		{name: "encrypted", entries: []zipped{{name: "e", text: "x", flags: 1}}, want: `"e": encrypted`},
		{name: "twice", entries: []zipped{{name: "a", text: "x"}, {name: "./a", text: "y"}}, want: `"./a": there twice`},
		{name: "folder over a file", entries: []zipped{{name: "a", text: "x"}, {name: "a/b", text: "y"}}, want: `"a/b": file exists`},
		{name: "file over a folder", entries: []zipped{{name: "a/b", text: "x"}, {name: "a", text: "y"}}, want: `"a": file exists`},
		{name: "too big", entries: []zipped{{name: "a", text: "12345"}, {name: "b", text: "67890"}}, most: 9, want: `"b": more bytes than a function's layers may have together (250 MB)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := zipFile(t, test.entries...)
			parent := t.TempDir()
			dst := filepath.Join(parent, "dst")
			require.NoError(t, os.Mkdir(dst, 0o755))
			most := int64(layers.MaxUnzipped)
			if test.most != 0 {
				most = test.most
			}
			_, err := layers.Unzip(t.Context(), file, dst, most)
			assert.EqualError(t, err, file+": "+test.want)
			beside, err := os.ReadDir(parent)
			require.NoError(t, err)
			assert.Len(t, beside, 1)
		})
	}
}

// TestUnzipBomb has a zip say that a large file is a small one, and finds
// that no more is written than allowed.
func TestUnzipBomb(t *testing.T) {
	file := zipFile(t, zipped{name: "bomb", text: strings.Repeat("\x00", 1<<20)})
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	// The size stands in the central directory, 24 bytes in.
	at := bytes.LastIndex(data, []byte("PK\x01\x02")) + 24
	require.Equal(t, uint32(1<<20), binary.LittleEndian.Uint32(data[at:]))
	binary.LittleEndian.PutUint32(data[at:], 5)
	require.NoError(t, os.WriteFile(file, data, 0o644))

	dst := t.TempDir()
	_, err = layers.Unzip(t.Context(), file, dst, 100)
	assert.Error(t, err)
	info, err := os.Stat(filepath.Join(dst, "bomb"))
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Size(), int64(101))
}

func TestUnzipEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dst := t.TempDir()
	_, err := layers.Unzip(ctx, zipFile(t, zipped{name: "a", text: "b"}), dst, 100)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, filepath.Join(dst, "a"))
}

func TestUnzipNamesNoMoreThanFits(t *testing.T) {
	_, err := layers.Unzip(t.Context(), zipFile(t, zipped{name: strings.Repeat("a/", 20_000) + "a"}), t.TempDir(), 100)
	assert.ErrorContains(t, err, "a name that is too long")
	assert.Less(t, len(err.Error()), 1000)
}

func TestUnzipNoZip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text.zip")
	_, err := layers.Unzip(t.Context(), file, t.TempDir(), 1)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(file, []byte("text"), 0o644))
	_, err = layers.Unzip(t.Context(), file, t.TempDir(), 1)
	assert.ErrorContains(t, err, "text.zip: neither a folder nor a zip")
}

// TestUnzipFollowsLinks through others, into /opt and out of it.
func TestUnzipFollowsLinks(t *testing.T) {
	link := func(name, target string) zipped {
		return zipped{name: name, text: target, mode: fs.ModeSymlink | 0o777}
	}
	for _, test := range []struct {
		name    string
		entries []zipped
		refused bool
	}{
		{"by an absolute one", []zipped{{name: "lib/c", text: "c"}, link("b", "/opt/lib/c"), link("a", "b")}, false},
		{"to nothing", []zipped{link("a", "b")}, false},
		{"out by an absolute one", []zipped{link("d", "/opt"), link("esc", "/opt/d/../etc/passwd")}, true},
		{"in a circle", []zipped{link("a", "b"), link("b", "a")}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := layers.Unzip(t.Context(), zipFile(t, test.entries...), t.TempDir(), layers.MaxUnzipped)
			if test.refused {
				require.ErrorIs(t, err, layers.ErrLink)
				return
			}
			require.NoError(t, err)
		})
	}
}
