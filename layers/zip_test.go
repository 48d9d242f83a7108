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
		require.NoError(t, layers.WriteZip(&out, root(t, dir)))
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

func root(t *testing.T, dir string) *os.Root {
	t.Helper()
	r, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// TestZipRefuses refuses what Lambda would not unpack, or unpack as something
// else, and leaves no zip behind.
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
		{name: "absolute link", files: map[string]string{"a/l": "->/etc/passwd"}, want: "a/l: a link to nothing inside the folder"},
		{name: "link outside", files: map[string]string{"a/l": "->../../x"}, want: "a/l: a link to nothing inside the folder"},
		{name: "link outside through links", files: map[string]string{"d": "->.", "l": "->d/d/../.."}, want: "l: a link to nothing inside the folder"},
		{name: "set-group-id", files: map[string]string{"s": "x"}, with: func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(filepath.Join(dir, "s"), 0o755|fs.ModeSetgid))
		}, want: "s: a set-user-id or set-group-id file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, test.files)
			if test.with != nil {
				test.with(t, dir)
			}
			assert.EqualError(t, layers.WriteZip(io.Discard, root(t, dir)), test.want)
			out := t.TempDir()
			assert.EqualError(t, layers.Zip(dir, filepath.Join(out, "x.zip")), test.want)
			left, err := os.ReadDir(out)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
	assert.ErrorIs(t, layers.Zip(filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "x.zip")), fs.ErrNotExist)
}
