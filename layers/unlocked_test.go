package layers_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// TestUnlocked has packages that a package.json asks for and nothing installs.
func TestUnlocked(t *testing.T) {
	t.Parallel()
	const wants = `{"dependencies":{"ms":"2.1.3"}}`
	for name, test := range map[string]struct {
		files map[string]string
		said  bool
	}{
		"no lock file":               {map[string]string{"a/package.json": wants}, true},
		"another manager's":          {map[string]string{"a/package.json": wants, "a/yarn.lock": ""}, true},
		"no dependencies":            {map[string]string{"a/package.json": `{"type":"module"}`}, false},
		"for development only":       {map[string]string{"a/package.json": `{"devDependencies":{"ms":"2.1.3"}}`}, false},
		"not JSON":                   {map[string]string{"a/package.json": "dependencies"}, false},
		"they are here":              {map[string]string{"a/package.json": wants, "a/node_modules/ms/index.js": ""}, false},
		"they are in a folder above": {map[string]string{"a/package.json": wants, "node_modules/ms/index.js": ""}, false},
		"of a package itself":        {map[string]string{"a/node_modules/x/package.json": wants}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, opt, log := folder(t, test.files), options(t), new(bytes.Buffer)
			opt.Log = log
			require.NoError(t, layers.Stage(t.Context(), t.TempDir(), opt, src))
			want := ""
			if test.said {
				want = filepath.Join(src, "a/package.json") + ": its dependencies are not installed: it has no package-lock.json, which npm install --package-lock-only makes\n"
			}
			assert.Equal(t, want, log.String())
		})
	}
}
