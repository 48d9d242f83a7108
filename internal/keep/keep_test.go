package keep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(name string) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, name), nil, 0o644)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestFolderIsNeverHalf(t *testing.T) {
	t.Parallel()
	f := Folder{Path: filepath.Join(t.TempDir(), "cache", "x")}
	f.Fill = func(ctx context.Context, dir string) error {
		return errors.Join(write("half")(ctx, dir), errors.New("cut off"))
	}
	_, err := f.Get(t.Context())
	require.EqualError(t, err, "cut off")
	assert.Equal(t, []string{".x.lock"}, names(t, filepath.Dir(f.Path)))

	// What a killed fill leaves is not taken over.
	left := filepath.Join(filepath.Dir(f.Path), ".x.tmp")
	require.NoError(t, os.Mkdir(left, 0o755))
	require.NoError(t, write("half")(t.Context(), left))
	f.Fill = write("whole")
	dir, err := f.Get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, f.Path, dir)
	assert.Equal(t, []string{"whole"}, names(t, dir))
	assert.Equal(t, []string{".x.lock", "x"}, names(t, filepath.Dir(f.Path)))
}

func TestFolderIsFilledOnce(t *testing.T) {
	t.Parallel()
	var fills atomic.Int32
	f := Folder{Path: filepath.Join(t.TempDir(), "x"), Fill: func(ctx context.Context, dir string) error {
		fills.Add(1)
		return write("f")(ctx, dir)
	}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := f.Get(t.Context())
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, fills.Load())
}

func TestFolderWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	f := Folder{Path: filepath.Join(t.TempDir(), "x"), Fill: write("f")}
	unlock, err := lock(t.Context(), filepath.Join(filepath.Dir(f.Path), ".x.lock"))
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Get(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// TestFolderFillsNoLongerThanItsLimit ends a command that would never end, and
// its child, which holds the same pipes.
func TestFolderFillsNoLongerThanItsLimit(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	f := Folder{Path: filepath.Join(t.TempDir(), "x"), Fill: func(ctx context.Context, dir string) error {
		_, err := Run(ctx, Command{Dir: dir, Argv: []string{"/bin/sh", "-c", `sleep 600 & echo $! >"$0"; wait`, pid}})
		return err
	}}
	_, err := f.get(t.Context(), time.Second)
	require.EqualError(t, err, "sh: not done after 1s")
	assert.NoDirExists(t, f.Path)
	child, err := os.ReadFile(pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(child)) + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ") // ended, and perhaps nobody has asked how
	}, 10*time.Second, 20*time.Millisecond)
}

func TestRun(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	out, err := Run(t.Context(), Command{Dir: dir, Env: []string{"A=b"}, Argv: []string{"/bin/sh", "-c", "pwd; echo $A; echo no >&2"}})
	require.NoError(t, err)
	assert.Equal(t, dir+"\nb\n", out, "standard output only")

	_, err = Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", "seq 100; echo why >&2; exit 3"}})
	require.EqualError(t, err, "sh: exit status 3\n\t"+strings.Join(strings.Fields("1 2 3 4 5 6 … 92 93 94 95 96 97 98 99 100 why"), "\n\t"))
	_, err = Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", "seq 16; exit 3"}})
	require.NotContains(t, err.Error(), "…", "nothing is left out")

	_, err = Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", `printf 'a\033[1mb\033[m\tc\n\033]0;title\007\302\2332J\n'; exit 3`}})
	require.EqualError(t, err, "sh: exit status 3\n\tab    c\n\t?]0;title??2J")

	_, err = Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", "head -c 40000000 /dev/zero; exit 3"}})
	require.ErrorContains(t, err, "sh: exit status 3\n\t")
	assert.Less(t, len(err.Error()), 2000)

	_, err = Run(t.Context(), Command{Argv: []string{"/usr/bin/head", "-c", "40000000", "/dev/zero"}})
	require.EqualError(t, err, "head: printed more than 1048576 bytes")

	_, err = Run(t.Context(), Command{Argv: []string{"/bin/none"}})
	require.ErrorIs(t, err, syscall.ENOENT)
}

func TestLast(t *testing.T) {
	t.Parallel()
	l := last{most: 4}
	for _, text := range []string{"abcd", "efgh", "ij"} {
		n, err := l.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	assert.True(t, l.cut)
	assert.Equal(t, "ghij", string(l.data))
}

func TestToolNamesItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Tool("musl-gcc")
	require.ErrorIs(t, err, ErrUnavailable)
	assert.Contains(t, err.Error(), "Debian: musl-tools")
	require.ErrorIs(t, Tools("none"), ErrUnavailable)
}

func TestChosen(t *testing.T) {
	t.Setenv("GRAFT_CACHE", "")
	dir, err := Chosen()
	require.NoError(t, err)
	assert.Empty(t, dir)
	t.Chdir(t.TempDir())
	wd, err := os.Getwd()
	require.NoError(t, err)
	t.Setenv("GRAFT_CACHE", "rel")
	dir, err = Chosen()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(wd, "rel"), dir)
}
