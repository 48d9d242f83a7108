package rootfs_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/rootfs"
	"github.com/graft-lambda/graft/internal/testbed"
)

// zipped is a zip of the same, with folders of their own.
func zipped(t *testing.T, entries ...[2]string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e[0], Method: zip.Deflate}
		h.SetMode(0o644)
		text, link := strings.CutPrefix(e[1], "-> ")
		if link {
			h.SetMode(fs.ModeSymlink | 0o777)
		} else if strings.HasSuffix(e[0], "/") {
			h.SetMode(fs.ModeDir | 0o755)
		}
		f, err := w.CreateHeader(h)
		require.NoError(t, err)
		_, err = io.WriteString(f, text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	file := filepath.Join(t.TempDir(), "layer.zip")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	return file
}

func open(t *testing.T, file string) fs.FS {
	t.Helper()
	fsys, c, err := rootfs.OpenPath(file)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return fsys
}

func TestMerge(t *testing.T) {
	first := testbed.Tree(t, 0o644, map[string]string{
		"both.txt": "first", "lib/one": "1", "folder/x": "x", "was-file": "f", "abs": "-> /opt/lib/two", "up": "-> ../var/lang/tool",
		"out": "-> ../../../../../../../../../../etc/passwd", "etc": "-> /etc/passwd", "loop": "-> loop", "dir": "-> lib",
	})
	second := zipped(t, [2]string{"lib/", ""}, [2]string{"lib/two", "2"}, [2]string{"both.txt", "second"},
		[2]string{"folder", "no more"}, [2]string{"was-file/y", "y"}, [2]string{"link", "-> both.txt"})
	f := rootfs.New()
	f.AddFile("/var/lang/tool", 0o755, []byte("tool"))
	f.AddFile("/opt/lib/zero", 0o644, []byte("0"))
	f.AddDir("/var/runtime")
	f.Mount("/opt", open(t, first))
	f.Mount("/opt", open(t, second))

	for name, want := range map[string]string{
		"opt/both.txt": "second", "opt/lib/zero": "0", "opt/lib/one": "1", "opt/lib/two": "2", "opt/folder": "no more",
		"opt/was-file/y": "y", "opt/abs": "2", "opt/link": "second", "opt/up": "tool", "opt/dir/two": "2",
	} {
		text, err := fs.ReadFile(f, name)
		require.NoError(t, err, name)
		assert.Equal(t, want, string(text), name)
	}
	for _, name := range []string{"opt/out", "opt/etc", "etc/passwd"} {
		_, err := fs.Stat(f, name)
		assert.ErrorIs(t, err, fs.ErrNotExist, name+" is this machine's")
	}
	_, err := f.Open("opt/loop")
	assert.ErrorContains(t, err, "too many levels of symbolic links")
	_, err = f.Open("opt/both.txt/x")
	assert.ErrorContains(t, err, "not a directory")
	target, err := fs.ReadLink(f, "opt/abs")
	require.NoError(t, err)
	assert.Equal(t, "/opt/lib/two", target)
	_, err = fs.ReadLink(f, "opt/lib")
	assert.ErrorIs(t, err, fs.ErrInvalid)

	file, err := f.Open("opt/lib/two")
	require.NoError(t, err)
	defer file.Close()
	b := make([]byte, 1)
	_, err = file.(io.ReaderAt).ReadAt(b, 0)
	require.NoError(t, err, "a zip's file is read at an offset")
	entries, err := fs.ReadDir(f, "opt/lib")
	require.NoError(t, err)
	assert.Len(t, entries, 3)
}

func TestFS(t *testing.T) {
	f := rootfs.New()
	f.AddFile("/opt/lib/zero", 0o644, []byte("0"))
	f.Mount("/opt", open(t, testbed.Tree(t, 0o644, map[string]string{"a/b": "1", "c": "2", "d": "-> c"})))
	assert.NoError(t, fstest.TestFS(f, "opt/lib/zero", "opt/a/b", "opt/c", "opt/d"))
}

// TestIrregular never opens what would hang.
func TestIrregular(t *testing.T) {
	f := rootfs.New()
	f.Mount("/opt", fstest.MapFS{"fifo": {Mode: fs.ModeNamedPipe | 0o644}})
	_, err := f.Open("opt/fifo")
	assert.ErrorContains(t, err, "not a regular file")
}

func TestHostileZip(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries [][2]string
		want    string
	}{
		{"up", [][2]string{{"../x", ""}}, "a name that leaves the layer"},
		{"absolute", [][2]string{{"/x", ""}}, "an absolute name"},
		{"backslash", [][2]string{{`a\b`, ""}}, "a backslash in the name"},
		{"nothing", [][2]string{{"/", ""}}, "an empty name"},
		{"twice", [][2]string{{"x", "1"}, {"x", "2"}}, "stands twice in the zip"},
		{"file and folder", [][2]string{{"x", "1"}, {"x/y", "2"}}, `"x" is no folder`},
		{"link out", [][2]string{{"x", "-> /etc"}}, "a link that leaves the layer"},
		{"below a link", [][2]string{{"x", "-> ."}, {"x/y", "2"}}, `"x" is no folder`},
		{"long link", [][2]string{{"x", "-> " + strings.Repeat("a", 5000)}}, "a link with too long a path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := rootfs.OpenPath(zipped(t, tt.entries...))
			assert.ErrorContains(t, err, tt.want)
		})
	}
	text := testbed.Tree(t, 0o644, map[string]string{"x.zip": "no zip"})
	_, _, err := rootfs.OpenPath(filepath.Join(text, "x.zip"))
	assert.ErrorContains(t, err, "neither a folder nor a zip")
	_, _, err = rootfs.OpenPath(filepath.Join(text, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// TestLyingZip reads an entry whose length is not what the zip says.
func TestLyingZip(t *testing.T) {
	file := zipped(t, [2]string{"x", strings.Repeat("a", 1000)})
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	// The size in the directory at the end.
	i := bytes.LastIndex(data, []byte("PK\x01\x02"))
	data[i+24], data[i+25] = 10, 0
	require.NoError(t, os.WriteFile(file, data, 0o644))
	_, err = fs.ReadFile(open(t, file), "x")
	assert.Error(t, err)
	data[i+27] = 0x7f
	require.NoError(t, os.WriteFile(file, data, 0o644))
	_, err = fs.ReadFile(open(t, file), "x")
	assert.ErrorContains(t, err, "more than 262144000 bytes unpacked")
}
