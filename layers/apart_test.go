package layers_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// TestApart: a folder inside a layer folder is left out only if that loses
// nothing.
func TestApart(t *testing.T) {
	layout := map[string]string{"oci-layout": "{}", "index.json": "{}", "blobs/sha256/x": "x"}
	in := func(dir string, files map[string]string) map[string]string {
		all := map[string]string{"src/graft.d/50-a.env": "A=1\n"}
		for name, data := range files {
			all[filepath.Join(dir, name)] = data
		}
		return all
	}
	for name, test := range map[string]struct {
		files map[string]string
		out   string
		apart bool
		want  string // of the error
	}{
		"beside it":                    {in("dist", map[string]string{"letter": "dear"}), "dist", true, ""},
		"around it":                    {in("", map[string]string{"letter": "dear"}), ".", true, ""},
		"inside, not there yet":        {in("", nil), "src/a/dist", false, ""},
		"inside, with zips":            {in("src/dist", map[string]string{"a-amd64.zip": "", "b c-arm64.zip": "", "a-arm64.zip.1234": ""}), "src/dist", false, ""},
		"inside, an image":             {in("src/dist", layout), "src/dist", false, ""},
		"inside, with an image":        {in("src/dist/oci", layout), "src/dist", false, ""},
		"inside, by a link":            {in("", map[string]string{"link": "->src"}), "link/dist", false, ""},
		"inside, with a file":          {in("src/dist", map[string]string{"a-amd64.zip": "", "agent.js": ""}), "src/dist", false, "and agent.js in it is not what a build writes"},
		"inside, with another zip":     {in("src/dist", map[string]string{"data.zip": ""}), "src/dist", false, "and data.zip in it is not"},
		"inside, with a folder":        {in("src/dist", map[string]string{"a-amd64.zip/f": ""}), "src/dist", false, "and a-amd64.zip in it is not"},
		"inside, with a link to a zip": {in("src/dist", map[string]string{"a-amd64.zip": "->../x"}), "src/dist", false, "and a-amd64.zip in it is not"},
		"the folder itself":            {in("", nil), "src", false, "the layer folder itself"},
		"a file":                       {in("", map[string]string{"dist": "text"}), "dist", false, "not a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, test.files)
			apart, err := layers.Apart(filepath.Join(dir, test.out), []string{filepath.Join(dir, "src")})
			if test.want != "" {
				assert.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.apart, apart)
		})
	}
	src := t.TempDir()
	empty := filepath.Join(src, "dist")
	require.NoError(t, os.Mkdir(empty, 0o755))
	apart, err := layers.Apart(empty, []string{src})
	require.NoError(t, err)
	assert.False(t, apart, "inside, empty")
}

// TestWithout leaves folders out of whatever layer folder they are in, below
// node_modules too; others of the same name ship.
func TestWithout(t *testing.T) {
	src := folder(t, map[string]string{"dist/x": "", "a/dist/x": "", "node_modules/dist/x": "", "node_modules/y/dist/x": ""})
	dst := t.TempDir()
	without := []string{filepath.Join(src, "dist"), filepath.Join(src, "node_modules/dist"), src, t.TempDir()}
	require.NoError(t, layers.Stage(t.Context(), dst, layers.Options{Arch: "amd64", Without: without}, src))
	assert.Equal(t, []string{"a/dist/x", "node_modules/y/dist/x"}, slices.Sorted(maps.Keys(staged(t, dst))))
}
