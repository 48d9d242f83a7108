package template_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/template"
)

// TestReach: a template's folder, its repository and what is named, wherever
// links lead.
func TestReach(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"repo/.git", "repo/app/layer", "repo/layers/x", "repository", "tree/app", "tree/layer", "named/in"} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	// As git has it in a work tree.
	require.NoError(t, os.WriteFile("tree/.git", []byte("gitdir: elsewhere\n"), 0o644))
	require.NoError(t, os.Symlink("../layers", "repo/app/inside"))
	require.NoError(t, os.Symlink("/", "repo/app/outside"))
	require.NoError(t, os.Symlink("repo", "other-name"))
	const yes, no = true, false
	for _, c := range []struct {
		template, path string
		want           bool
	}{
		{"repo/app/t.yaml", "repo/app", yes},
		{"repo/app/t.yaml", "repo/app/layer", yes},
		{"repo/app/t.yaml", "repo/app/../layers/x", yes},
		{"repo/app/t.yaml", "repo/app/inside/x", yes},
		{"repo/app/t.yaml", "repo", yes},
		{"repo/app/t.yaml", ".", no},
		{"repo/app/t.yaml", "/", no},
		{"repo/app/t.yaml", "repo/app/outside", no},
		{"repo/app/t.yaml", "repository", no},
		{"repo/app/t.yaml", "tree", no},
		{"repo/app/t.yaml", "named", yes},
		{"repo/app/t.yaml", "named/in", yes},
		{"other-name/app/t.yaml", "repo/layers/x", yes},
		{"tree/app/t.yaml", "tree/layer", yes},
		{"repository/t.yaml", "repo", no},
		{"repository/t.yaml", "repository", yes},
	} {
		real, err := template.RealPath(c.path)
		require.NoError(t, err)
		assert.Equal(t, c.want, template.ReachOf(c.template, "named", "nowhere").Holds(real), "%s of %s", c.path, c.template)
		assert.False(t, template.Reach{}.Holds(real))
	}
	_, err := template.RealPath("repo/nowhere")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	real, err := template.RealPath("other-name")
	require.NoError(t, err)
	assert.Equal(t, "repo", filepath.Base(real))
}
