package fragment_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
)

func TestAgentName(t *testing.T) {
	for base, want := range map[string]string{
		"50-otel.env": "otel", "00-a.env": "a", "99-a.b_c-9.env": "a.b_c-9", "10-.env.env": ".env",
		"5-a.env": "", "500-a.env": "", "ab-c.env": "", "50-.env": "", "50_a.env": "", "50-A.env": "", "50-a b.env": "", "50-ä.env": "",
		"50-a.env.bak": "", "50-a": "", "README": "", ".env": "", "50-a.ENV": "",
	} {
		name, ok := fragment.AgentName(base)
		assert.Equal(t, want, name, base)
		assert.Equal(t, want != "", ok, base)
	}
}

func TestReadDir(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }
	fsys := fstest.MapFS{
		"opt/graft.d/50-b.env":     file("B=1"),
		"opt/graft.d/10-z.env":     file("Z=1"),
		"opt/graft.d/50-a.env":     file("A=1"),
		"opt/graft.d/20-bad.env":   file("A=s3cret\n$"),
		"opt/graft.d/30-big.env":   file(strings.Repeat("#", fragment.MaxSize+1)),
		"opt/graft.d/40-fifo.env":  {Mode: fs.ModeNamedPipe | 0o644},
		"opt/graft.d/41-dir.env/x": file(""),
		"opt/graft.d/README":       file("A=1"),
	}
	fragments, problems := fragment.ReadDir(fsys, fragment.Dir)
	var names []string
	for _, f := range fragments {
		names = append(names, f.Name)
	}
	assert.Equal(t, []string{"z", "a", "b"}, names, "byte order of the file names")
	assert.Equal(t, "/opt/graft.d/10-z.env", fragments[0].File)
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Agent+"|"+p.Err.Error())
	}
	assert.Equal(t, []string{
		"bad|/opt/graft.d/20-bad.env:2: is not NAME=VALUE",
		"big|/opt/graft.d/30-big.env: larger than 1 MiB",
		"fifo|/opt/graft.d/40-fifo.env: not a regular file",
		"dir|/opt/graft.d/41-dir.env: not a regular file",
		"|/opt/graft.d/README: ignored: not named NN-NAME.env (two digits; NAME of a-z 0-9 . _ -)",
	}, lines)
	fragments, problems = fragment.ReadDir(fstest.MapFS{}, fragment.Dir)
	assert.Empty(t, fragments)
	assert.Empty(t, problems, "no folder is no problem")
	_, problems = fragment.ReadDir(fstest.MapFS{"opt/graft.d": file("")}, fragment.Dir)
	assert.Len(t, problems, 1)
}

// TestReadDirReal: links and a FIFO in a real folder; nothing hangs.
func TestReadDirReal(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "real"), []byte("A=1"), 0o644))
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "10-link.env")))
	require.NoError(t, os.Symlink("gone", filepath.Join(dir, "20-dangling.env")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "30-fifo.env"), 0o644))
	fragments, problems := fragment.ReadDir(os.DirFS("/"), dir)
	require.Len(t, fragments, 1)
	assert.Equal(t, "link", fragments[0].Name)
	assert.Len(t, problems, 3)
	assert.EqualError(t, problems[0].Err, filepath.Join(dir, "20-dangling.env")+": no such file")
}

func TestReadFileSize(t *testing.T) {
	for _, size := range []int{0, 1, fragment.MaxSize - 1, fragment.MaxSize, fragment.MaxSize + 1, 2 * fragment.MaxSize} {
		data, err := fragment.ReadFile(fstest.MapFS{"f": {Data: make([]byte, size), Mode: 0o644}}, "/f")
		require.NoError(t, err)
		assert.Len(t, data, min(size, fragment.MaxSize+1), "%d bytes", size)
	}
}
