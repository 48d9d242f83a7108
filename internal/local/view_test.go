//go:build linux

package local_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/local"
)

func TestLayersMerge(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	first := files(t, map[string]string{
		"both": "1", "first": "1", "dir/both": "1", "dir/first": "1", "dir/deep/first": "1",
		"file-then-dir": "1", "dir-then-file/x": "1", "dir-file-dir/old": "1",
		"link-then-file": "->first", "whole/x": "1", "whole/link": "->x", "dangling": "->nowhere",
	})
	second := files(t, map[string]string{
		"both": "2", "second": "2", "dir/both": "2", "dir/second": "2", "dir/deep/second": "2",
		"file-then-dir/x": "2", "dir-then-file": "2", "dir-file-dir": "2",
		"link-then-file": "2", "link": "->dir/both", "empty/": "", "a b\nc": "2",
	})
	third := files(t, map[string]string{"dir/third": "3", "dir-file-dir/new": "3", "both": "3"})
	require.NoError(t, os.Chmod(filepath.Join(first, "first"), 0o750))
	require.NoError(t, os.Chmod(filepath.Join(second, "second"), 0o711|fs.ModeSetuid))
	require.NoError(t, os.Chmod(filepath.Join(second, "dir"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(third, "dir"), 0o775|fs.ModeSetgid))

	f := bash(`cd /opt; find . -mindepth 1 -printf '%P\t%M\t%l' \( -type f -printf '\t' -exec cat {} \; -o -true \) -printf '\0'`)
	f.Layers = []string{first, second, third}
	got := strings.Split(strings.TrimSuffix(output(t, f), "\x00"), "\x00")
	assert.ElementsMatch(t, []string{
		"both\t-rw-r--r--\t\t3",
		"first\t-rwxr-x---\t\t1",
		"second\t-rws--x--x\t\t2",
		"a b\nc\t-rw-r--r--\t\t2",
		"dir\tdrwxrwsr-x\t",
		"dir/both\t-rw-r--r--\t\t2",
		"dir/first\t-rw-r--r--\t\t1",
		"dir/second\t-rw-r--r--\t\t2",
		"dir/third\t-rw-r--r--\t\t3",
		"dir/deep\tdrwxr-xr-x\t",
		"dir/deep/first\t-rw-r--r--\t\t1",
		"dir/deep/second\t-rw-r--r--\t\t2",
		"file-then-dir\tdrwxr-xr-x\t",
		"file-then-dir/x\t-rw-r--r--\t\t2",
		"dir-then-file\t-rw-r--r--\t\t2",
		"dir-file-dir\tdrwxr-xr-x\t",
		"dir-file-dir/new\t-rw-r--r--\t\t3",
		"link-then-file\t-rw-r--r--\t\t2",
		"link\tlrwxrwxrwx\tdir/both",
		"dangling\tlrwxrwxrwx\tnowhere",
		"whole\tdrwxr-xr-x\t",
		"whole/x\t-rw-r--r--\t\t1",
		"whole/link\tlrwxrwxrwx\tx",
		"empty\tdrwxr-xr-x\t",
	}, got)
}

func TestReadOnly(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	layer, other := files(t, map[string]string{"x": "layer", "dir/x": "1"}), files(t, map[string]string{"dir/y": "2"})
	code := files(t, map[string]string{"x": "code"})
	lang := files(t, map[string]string{"bin/x": "lang"})
	for _, layers := range [][]string{nil, {layer}, {layer, other}} {
		f := bash(`
			try() { "$@" 2>/dev/null && echo "could: $*"; }
			for dir in /opt /opt/dir /var/task /var/lang /var/lang/bin /var; do
				[ -d $dir ] && try touch $dir/new
			done
			for file in /opt/x /opt/dir/x /var/task/x /var/lang/bin/x; do
				[ -e $file ] && { try chmod 600 $file; try rm $file; try cp /dev/null $file; }
			done
			exit 0`)
		f.Layers, f.Code, f.Mounts = layers, code, []local.Mount{{Source: lang, Target: "/var/lang"}}
		assert.Empty(t, output(t, f))
	}
	for file, text := range map[string]string{layer + "/x": "layer", code + "/x": "code", lang + "/bin/x": "lang"} {
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
}

func TestMounts(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	layer := files(t, map[string]string{"in-layer": "layer"})
	code := files(t, map[string]string{"app.py": "code", "node_modules/a/x": "a"})
	dir := files(t, map[string]string{"x": "dir", "y": "->x"})
	file := dir + "/x"
	mounts := []local.Mount{
		{Source: dir, Target: "/var/lang"},
		{Source: file, Target: "/var/runtime/bootstrap"},
		{Source: dir, Target: "/opt/extra/deep"},
		{Source: dir, Target: "/var/task/node_modules/b"},
		{Source: file, Target: "/var/task/app.py"},
		{Source: dir, Target: "/nowhere/near"},
		{Source: dir, Target: "/usr/local/graft-test"},
	}
	f := bash(`
		cat /var/lang/y /var/runtime/bootstrap /opt/in-layer /opt/extra/deep/x /var/task/app.py
		cat /var/task/node_modules/a/x /var/task/node_modules/b/y /nowhere/near/x /usr/local/graft-test/x
		ls /var/lib /usr/local/bin /etc >/dev/null && pwd; stat -c %a /var /; readlink /bin /var/run`)
	f.Layers, f.Code, f.Mounts = []string{layer}, code, mounts
	got := output(t, f)
	assert.True(t, strings.HasPrefix(got, "dirdirlayerdirdiradirdirdir/var/task\n755\n755\n"), got)
	var links string
	for _, name := range []string{"/bin", "/var/run"} {
		if link, err := os.Readlink(name); err == nil {
			links += link + "\n"
		}
	}
	assert.True(t, strings.HasSuffix(got, links), got)
	for _, m := range mounts {
		if !strings.HasPrefix(m.Target, "/var/lang") && !strings.HasPrefix(m.Target, "/var/runtime") {
			assert.NoFileExists(t, m.Target)
			assert.NoDirExists(t, m.Target)
		}
	}
}

func TestTmp(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	t.Run("the machine's", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "x")
		output(t, bash(`echo hello >`+file))
		assert.FileExists(t, file)
	})
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		f := bash(`ls /tmp; echo hello >/tmp/new`)
		f.Tmp = files(t, map[string]string{"there": ""})
		assert.Equal(t, "there\n", output(t, f))
		assert.FileExists(t, f.Tmp+"/new")
	})
	t.Run("folder, read-only", func(t *testing.T) {
		t.Parallel()
		f := bash(`ls /tmp; touch /tmp/new 2>&1`)
		f.Tmp, f.TmpReadOnly = files(t, map[string]string{"there": ""}), true
		var stdout buffer
		f.Stdout = &stdout
		exit, err := local.Run(bounded(t), f)
		require.NoError(t, err)
		assert.Equal(t, 1, exit.Code)
		assert.Contains(t, stdout.String(), "Read-only file system")
		assert.NoFileExists(t, f.Tmp+"/new")
	})
	t.Run("tiny", func(t *testing.T) {
		t.Parallel()
		f := bash(`stat -c %a /tmp; ls -A /tmp; head -c 8192 /dev/zero >/tmp/a && echo fits; head -c 8192 /dev/zero 2>&1 >/tmp/b || echo full`)
		f.TmpSize = 12 << 10
		var stdout buffer
		f.Stdout = &stdout
		_, err := local.Run(bounded(t), f)
		require.NoError(t, err)
		assert.Contains(t, stdout.String(), "1777\nfits\n")
		assert.Contains(t, stdout.String(), "No space left on device")
		assert.Contains(t, stdout.String(), "full\n")
	})
	t.Run("empty, read-only", func(t *testing.T) {
		t.Parallel()
		f := bash(`touch /tmp/x 2>/dev/null || echo refused`)
		f.TmpSize, f.TmpReadOnly = 1<<20, true
		assert.Equal(t, "refused\n", output(t, f))
	})
}

// Many at once, each with layers and mounts of its own, see their own only;
// the machine keeps its mounts, its folders, and gets no entry in the scratch folder.
func TestMachineStaysAsItIs(t *testing.T) {
	needIsolation(t)
	scratch := t.TempDir()
	require.NoError(t, os.Chmod(scratch, 0o777))
	t.Setenv("TMPDIR", scratch)
	mounts := read(t, "/proc/self/mountinfo")
	listing := list(t, "/", "/opt", "/var", "/usr/local")

	var all sync.WaitGroup
	for i := range 8 {
		layer := files(t, map[string]string{"name": fmt.Sprint(i), "only/x": "1"})
		other := files(t, map[string]string{"only/y": "2"})
		all.Go(func() {
			var stdout buffer
			f := bash(`cat /opt/name /var/private/name; ls /opt/only | tr -d '\n'`)
			f.Layers, f.Mounts = []string{layer, other}, []local.Mount{{Source: layer, Target: "/var/private"}}
			f.Stdout = &stdout
			exit, err := local.Run(bounded(t), f)
			assert.NoError(t, err)
			assert.Equal(t, local.Exit{}, exit)
			assert.Equal(t, fmt.Sprintf("%d%dxy", i, i), stdout.String())
		})
	}
	// What cannot be set up must not leave a trace either.
	f := bash(`:`)
	f.Mounts = []local.Mount{{Source: "/proc/version", Target: "/var/a"}, {Source: scratch, Target: "/var/a/below-a-file"}}
	_, err := local.Run(bounded(t), f)
	assert.ErrorIs(t, err, unix.ENOTDIR)
	all.Wait()

	assert.Equal(t, mounts, read(t, "/proc/self/mountinfo"))
	assert.Equal(t, listing, list(t, "/", "/opt", "/var", "/usr/local"))
	left, err := filepath.Glob(scratch + "/graft-local-*")
	require.NoError(t, err)
	assert.Empty(t, left)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// list returns names, modes and times of the entries of folders.
func list(t *testing.T, folders ...string) (entries []string) {
	t.Helper()
	for _, folder := range folders {
		found, err := os.ReadDir(folder)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		for _, e := range found {
			info, err := e.Info()
			require.NoError(t, err)
			entry := fmt.Sprintf("%s/%s %v", folder, e.Name(), info.Mode())
			if folder != "/" { // the times of /tmp and its like change all the time
				entry += info.ModTime().String()
			}
			entries = append(entries, entry)
		}
	}
	return entries
}
