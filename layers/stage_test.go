package layers_test

import (
	"bytes"
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// folder makes a layer folder; a value that begins with "->" is a link.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	return testbed.Tree(t, 0o644, files)
}

// staged lists what dst holds: mode and content, or the link's target.
func staged(t *testing.T, dst string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dst, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dst, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(name)
			all[rel] = "->" + target
			return err
		}
		content, err := os.ReadFile(name)
		all[rel] = info.Mode().Perm().String() + " " + string(content)
		return err
	}))
	return all
}

func options(t *testing.T) layers.Options {
	t.Helper()
	return layers.Options{Arch: "amd64", Cache: filepath.Join(t.TempDir(), "cache")}
}

func TestStageCopies(t *testing.T) {
	t.Parallel()
	src := folder(t, map[string]string{
		"graft.d/50-x.env":               "A=b\n",
		"x/run":                          "#!/bin/sh\n",
		"x/group":                        "g",
		"x/private":                      "p",
		"x/lib/real.so":                  "so",
		"x/lib/link.so":                  "->real.so",
		"x/up":                           "->../graft.d",
		"x/package.json":                 `{"type":"module"}`,
		"y/node_modules/p/pom.xml":       "<not ours/>",
		"y/node_modules/p/package.json":  "{}",
		"y/node_modules/.bin/p":          "->../p/pom.xml",
		"z/requirements.txt/is-a-folder": "f",
		".git/config":                    "[core]",
		"x/.git":                         "gitdir: elsewhere",
		"x/.DS_Store":                    "d",
	})
	require.NoError(t, os.Chmod(filepath.Join(src, "x/run"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(src, "x/group"), 0o674))
	require.NoError(t, os.Chmod(filepath.Join(src, "x/private"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(src, "empty"), 0o755))

	dst := filepath.Join(t.TempDir(), "new")
	require.NoError(t, layers.Stage(t.Context(), dst, options(t), src))
	assert.Equal(t, map[string]string{
		"graft.d/50-x.env":               "-rw-r--r-- A=b\n",
		"x/run":                          "-rwxr-xr-x #!/bin/sh\n",
		"x/group":                        "-rwxr-xr-x g",
		"x/private":                      "-rw-r--r-- p",
		"x/lib/real.so":                  "-rw-r--r-- so",
		"x/lib/link.so":                  "->real.so",
		"x/up":                           "->../graft.d",
		"x/package.json":                 `-rw-r--r-- {"type":"module"}`,
		"y/node_modules/p/pom.xml":       "-rw-r--r-- <not ours/>",
		"y/node_modules/p/package.json":  "-rw-r--r-- {}",
		"y/node_modules/.bin/p":          "->../p/pom.xml",
		"z/requirements.txt/is-a-folder": "-rw-r--r-- f",
	}, staged(t, dst))
	assert.NoDirExists(t, filepath.Join(dst, "empty"))
}

func TestStageRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		files map[string]string
		with  func(t *testing.T, dir string)
		want  string
	}{
		{name: "absolute link", files: map[string]string{"a/l": "->/etc/passwd"}, want: "a/l: a link that leaves the layer"},
		{name: "link outside", files: map[string]string{"a/l": "->../../x"}, want: "a/l: a link that leaves the layer"},
		{name: "link outside through links", files: map[string]string{"d": "->.", "l": "->d/d/../.."}, want: "l: a link to nothing in the layer"},
		{name: "dangling link", files: map[string]string{"l": "->none"}, want: "l: a link to nothing in the layer"},
		{name: "lock without package.json", files: map[string]string{"a/package-lock.json": "{}"}, want: "a: package-lock.json: no package.json beside it"},
		{name: "pipe", with: func(t *testing.T, dir string) {
			require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "p"), 0o644))
		}, want: "p: neither a file nor a link"},
		{name: "socket", with: func(t *testing.T, dir string) {
			l, err := net.Listen("unix", filepath.Join(dir, "s"))
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, want: "s: neither a file nor a link"},
		{name: "set-user-id", files: map[string]string{"s": "x"}, with: func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(filepath.Join(dir, "s"), 0o755|fs.ModeSetuid))
		}, want: "s: a set-user-id or set-group-id file"},
		{name: "no folder", with: func(t *testing.T, dir string) { require.NoError(t, os.Remove(dir)) }, want: "layer folder: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			src := folder(t, test.files)
			if test.with != nil {
				test.with(t, src)
			}
			assert.ErrorContains(t, layers.Stage(t.Context(), t.TempDir(), options(t), src), test.want)
		})
	}

	opt := options(t)
	opt.Arch = "x86_64"
	assert.EqualError(t, layers.Stage(t.Context(), t.TempDir(), opt), `architecture "x86_64": Lambda has amd64 (x86_64) and arm64`)
}

func TestStageFolders(t *testing.T) {
	t.Parallel()
	long := string(bytes.Repeat([]byte("0123456789abcdef"), 10_000))
	for _, test := range []struct {
		name string
		a, b map[string]string
		mode fs.FileMode // of b's file f
		want string      // with A and B for the folders; empty: both fit
	}{
		{name: "apart", a: map[string]string{"x/f": "1"}, b: map[string]string{"x/g": "2"}},
		{name: "same", a: map[string]string{"f": long, "l": "->f"}, b: map[string]string{"f": long, "l": "->f"}},
		{name: "content", a: map[string]string{"f": long + "1"}, b: map[string]string{"f": long + "2"}, want: "f: A and B bring different files"},
		{name: "length", a: map[string]string{"f": "1"}, b: map[string]string{"f": "12"}, want: "f: A and B bring different files"},
		{name: "mode", a: map[string]string{"f": "1"}, b: map[string]string{"f": "1"}, mode: 0o755, want: "f: A and B bring different files"},
		{name: "target", a: map[string]string{"f": "", "g": "", "l": "->f"}, b: map[string]string{"f": "", "g": "", "l": "->g"}, want: "l: A and B bring different files"},
		{name: "link and file", a: map[string]string{"f": "", "l": "->f"}, b: map[string]string{"l": ""}, want: "l: A and B bring different files"},
		{name: "file then folder", a: map[string]string{"f": ""}, b: map[string]string{"f/g": ""}, want: "f: a file from A, a folder from B"},
		{name: "folder then file", a: map[string]string{"f/g": ""}, b: map[string]string{"f": ""}, want: "f: a folder from A, a file from B"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, b := folder(t, test.a), folder(t, test.b)
			if test.mode != 0 {
				require.NoError(t, os.Chmod(filepath.Join(b, "f"), test.mode))
			}
			err := layers.Stage(t.Context(), t.TempDir(), options(t), a, b)
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			require.Error(t, err)
			said := bytes.ReplaceAll(bytes.ReplaceAll([]byte(err.Error()), []byte(a), []byte("A")), []byte(b), []byte("B"))
			assert.Equal(t, test.want, string(said))
		})
	}
}

// TestStageLinks follows links through all that ships, from whichever folder.
func TestStageLinks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string // empty: it is fine
	}{
		{"through links", map[string]string{"a/b/f": "", "d": "->a/b", "l": "->d/../b/./f", "to": "->d/f"}, ""},
		{"to a folder", map[string]string{"a/f": "", "l": "->a", "a/up": "->.."}, ""},
		{"into /opt", map[string]string{"a/f": "", "d": "->/opt/a", "l": "->d/f", "top": "->/opt", "lib": "->/opt/other/layer.so"}, ""},
		{"to itself", map[string]string{"l": "->/opt/l"}, "l: a link to nothing in the layer"},
		{"out through a link to /opt", map[string]string{"top": "->/opt", "l": "->top/../etc"}, "l: a link to nothing in the layer"},
		{"out of /opt through a link", map[string]string{"top": "->/opt", "l": "->/opt/top/../etc"}, "l: a link to nothing in the layer"},
		{"to what is not copied", map[string]string{"package-lock.json": "", "package.json": "{}", "node_modules/f": "", "l": "->node_modules/f"}, "l: a link to nothing in the layer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			src := folder(t, test.files)
			opt := options(t)
			if _, npm := test.files["package-lock.json"]; npm {
				testbed.NeedTool(t, "npm")
				require.NoError(t, os.WriteFile(filepath.Join(src, "package-lock.json"), []byte(`{"lockfileVersion":3,"packages":{"":{}}}`), 0o644))
			}
			err := layers.Stage(t.Context(), t.TempDir(), opt, src)
			if test.want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, filepath.Join(src, test.want))
			}
		})
	}
}

func TestStageCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, layers.Stage(ctx, t.TempDir(), options(t), folder(t, map[string]string{"f": ""})), context.Canceled)
}
