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
	oci := filepath.Join(dir, "oci")
	require.NoError(t, run(t.Context(), []string{"build", "--out", out, "--oci", oci, layer}, &stdout, &stderr), stderr.String())
	for _, arch := range []string{"amd64", "arm64"} {
		file := filepath.Join(out, "mine-"+arch+".zip")
		assert.Contains(t, stdout.String(), file)
		z, err := zip.OpenReader(file)
		require.NoError(t, err)
		defer z.Close()
		for _, name := range []string{"graft", "graft.d/50-mine.env", "graft-python/sitecustomize.py", "graft-run/java"} {
			f, err := z.Open(name)
			require.NoError(t, err, name)
			f.Close()
		}
	}

	assert.FileExists(t, filepath.Join(oci, "index.json"))
	assert.Contains(t, stdout.String(), oci+"  OCI image layout\n")
	assert.Contains(t, stderr.String(), "packing "+filepath.Join(out, "mine-amd64.zip")+"\n")

	into := filepath.Join(dir, "artifacts")
	require.NoError(t, run(t.Context(), []string{"build", "--arch", "arm64", "--into", into, layer}, &stdout, &stderr), stderr.String())
	assert.FileExists(t, filepath.Join(into, "graft"))
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"mend"}, {"build", "--into", "x"}, {"build", "--into", "x", "--oci", "y", "--arch", "arm64"}, {"version", "x"}, {"build", "--arch", "riscv64", "--out", t.TempDir()}, {"build", "--nonsense"}} {
		var out bytes.Buffer
		assert.Error(t, run(t.Context(), args, &out, &out), "%q", args)
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"version"}, &out, &out))
	assert.Equal(t, "graft devel\n", out.String())
}
