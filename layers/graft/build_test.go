package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBuild(t *testing.T) {
	dir := t.TempDir()
	layer := filepath.Join(dir, "mine")
	require.NoError(t, os.MkdirAll(filepath.Join(layer, "graft.d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(layer, "graft.d/50-mine.env"), []byte("A=1\n"), 0o644))
	out := filepath.Join(dir, "dist")

	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"build", "--out", out, layer}, &stdout, &stderr), "%s", &stderr)
	for _, arch := range []string{"amd64", "arm64"} {
		file := filepath.Join(out, "mine-"+arch+".zip")
		assert.Contains(t, stdout.String(), file)
		z, err := zip.OpenReader(file)
		require.NoError(t, err)
		defer z.Close()
		for _, name := range []string{"graft", "extensions/graft-companion", "graft.d/50-mine.env", "graft-python/sitecustomize.py", "graft-run/java"} {
			f, err := z.Open(name)
			require.NoError(t, err, name)
			f.Close()
		}
	}
}

func TestBuildInto(t *testing.T) {
	for companion, file := range map[string]string{"extension": "extensions/graft-companion", "forked": "graft-companion", "none": ""} {
		into := filepath.Join(t.TempDir(), "artifacts")
		var out bytes.Buffer
		require.Zero(t, run(t.Context(), []string{"build", "--arch", "arm64", "--companion", companion, "--into", into}, &out, &out), "%s", &out)
		assert.FileExists(t, filepath.Join(into, "graft"))
		for _, other := range []string{"extensions/graft-companion", "graft-companion"} {
			_, err := os.Stat(filepath.Join(into, other))
			assert.Equal(t, other == file, err == nil, "%s: %s", companion, other)
		}
	}
}
