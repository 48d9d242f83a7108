package explain

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExamples explains every template of the examples.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/template.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		results, err := All(Options{Template: file})
		require.NoError(t, err, file)
		assert.NotEmpty(t, results, file)
	}
}

// lay writes files below a new folder.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o755))
	}
	return dir
}

func one(t *testing.T, o Options) Result {
	t.Helper()
	results, err := All(o)
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

// TestLinks follows links as the wrapper does: within the layers.
func TestLinks(t *testing.T) {
	layer := lay(t, map[string]string{"graft": "", "x.js": "", "graft.d/50-a.env": "NODE_OPTIONS=--require /opt/linked.js", "graft.d/60-b.env": "NODE_OPTIONS=--require /opt/out.js"})
	for name, target := range map[string]string{"own": "/opt/graft", "linked.js": "x.js", "out.js": "/etc/passwd"} {
		require.NoError(t, os.Symlink(target, filepath.Join(layer, name)))
	}
	r := one(t, Options{Runtime: "nodejs22.x", Layers: []string{layer}, Env: []string{"GRAFT_NEXT=/opt/own"}})
	assert.Equal(t, []string{"a"}, r.Agents)
	assert.Equal(t, []Skip{
		{"GRAFT_NEXT", "", "/opt/own: is graft itself"},
		{"b", "/opt/graft.d/60-b.env", "/opt/out.js: no such file"},
	}, r.Skipped)
}

// TestProgram finds what a function of its own kind starts.
func TestProgram(t *testing.T) {
	for _, tt := range []struct {
		name  string
		o     Options
		files string
		want  string
	}{
		{"native .NET", Options{Runtime: "dotnet8", Handler: "Shop"}, "Shop", "/var/task/Shop"},
		{"a .NET assembly", Options{Runtime: "dotnet8", Handler: "Shop"}, "Shop Shop.dll", "/var/lang/bin/dotnet"},
		{"own bootstrap", Options{Runtime: "provided.al2023"}, "bootstrap", "/var/task/bootstrap"},
		{"a layer's bootstrap", Options{Runtime: "provided.al2023", Layers: []string{lay(t, map[string]string{"bootstrap": ""})}}, "x", "/opt/bootstrap"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for _, name := range strings.Fields(tt.files) {
				files[name] = ""
			}
			tt.o.Code = lay(t, files)
			assert.Equal(t, tt.want, one(t, tt.o).Before[0])
		})
	}
}

func TestText(t *testing.T) {
	before := "x"
	results := []Result{{
		Runtimes: []string{"nodejs22.x"}, Architecture: "amd64",
		Before: []string{"node", "a"}, After: []string{"node", "b\x1b[2J\u009b2J"},
		Environment: []Change{{Name: "A", Before: &before, After: "y"}},
	}}
	var plain, coloured bytes.Buffer
	require.NoError(t, Text(&plain, results, false))
	assert.Equal(t, "nodejs22.x · amd64\n  command line\n      node\n    - a\n    + b?[2J?2J\n  environment\n    - A=x\n    + A=y\n", plain.String())
	require.NoError(t, Text(&coloured, results, true))
	assert.Contains(t, coloured.String(), "\x1b[32m    + A=y\x1b[0m\n")
	assert.NotContains(t, coloured.String(), "\x1b[2J")
}

func TestDiff(t *testing.T) {
	text := func(lines []line) (s string) {
		for _, l := range lines {
			s += string(l.sign) + l.text + " "
		}
		return s
	}
	for _, tt := range []struct{ before, after, want string }{
		{"a b c", "a x b c", " a +x  b  c "},
		{"a b c", "a c", " a -b  c "},
		{"a b", "a c", " a -b +c "},
		{"", "a", "+a "},
	} {
		assert.Equal(t, tt.want, text(diff(strings.Fields(tt.before), strings.Fields(tt.after))))
	}
	long := strings.Fields(strings.Repeat("a ", 3000))
	assert.Len(t, diff(long, long), 6000)
}
