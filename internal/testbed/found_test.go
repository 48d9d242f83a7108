package testbed

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFindPython lays out what version managers install, as far as it is
// looked at to find it, and asks for it. TestRuntimes runs what is found.
func TestFindPython(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	install := func(at, version string) {
		minor := minorOf(version)
		for name, text := range map[string]string{
			"bin/python" + minor:                       "#!/bin/sh\nprintf %s '" + filepath.Join(dir, at) + "'\n",
			"include/python" + minor + "/patchlevel.h": "#define PY_VERSION      \"" + version + "\"\n",
		} {
			file := filepath.Join(dir, at, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(text), 0o755))
		}
	}
	install("pyenv/versions/3.9.2", "3.9.2")
	install("pyenv/versions/3.9.18", "3.9.18")
	install("pyenv/versions/3.90.1", "3.90.1")
	install("tools/Python/3.9.20/x64", "3.9.20")
	install("tools/Python/3.10.4/x64", "3.10.4")
	install("path", "3.11.7")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "tools/Python/3.12.1/x64"), 0o755)) // half installed
	t.Setenv("PYENV_ROOT", filepath.Join(dir, "pyenv"))
	t.Setenv("RUNNER_TOOL_CACHE", filepath.Join(dir, "tools"))
	t.Setenv("PATH", filepath.Join(dir, "path/bin")+":/bin")

	for minor, want := range map[string][2]string{
		"3.9":  {"pyenv/versions/3.9.18", "3.9.18"},
		"3.10": {"tools/Python/3.10.4/x64", "3.10.4"},
		"3.11": {"path", "3.11.7"},
	} {
		got, version, err := findPython(t.Context(), minor)
		require.NoError(t, err, minor)
		assert.Equal(t, [2]string{filepath.Join(dir, want[0]), want[1]}, [2]string{got, version})
	}
	_, _, err = findPython(t.Context(), "3.12")
	require.ErrorIs(t, err, ErrUnavailable)
}

// TestSystemPython leaves a distribution's own alone: its folder is /usr, with
// all the machine's programs in it.
func TestSystemPython(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:/bin")
	for _, minor := range append([]string{"3.14"}, pythonMinors...) {
		for _, dir := range pythonOnPath(t.Context(), minor) {
			assert.NotEqual(t, "/usr", dir)
		}
	}
}

func TestOlder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"3.1", "3.1", false}, {"3.0", "3.1", true}, {"2.7", "3.1", true}, {"3.4", "3.1", false},
		{"3.10", "3.9", false}, {"4.0", "3.1", false}, {"head", "3.1", true},
	} {
		assert.Equal(t, tt.want, older(tt.a, tt.b), "%s %s", tt.a, tt.b)
	}
}
