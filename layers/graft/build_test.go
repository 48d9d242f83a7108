package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
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
	require.Zero(t, run(t.Context(), []string{"build", "--out", out, "--oci", oci, layer}, &stdout, &stderr), "%s", &stderr)
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
	assert.FileExists(t, filepath.Join(oci, "index.json"))
	assert.Contains(t, stdout.String(), oci+"  OCI image layout\n")
	assert.Contains(t, stderr.String(), "packing "+filepath.Join(out, "mine-amd64.zip")+"\n")
}

// TestBuildApart: what a build writes into a layer folder would ship.
func TestBuildApart(t *testing.T) {
	dir := t.TempDir()
	layer := filepath.Join(dir, "mine")
	require.NoError(t, os.Mkdir(layer, 0o755))
	inside := filepath.Join(layer, "a/b")
	for _, args := range [][]string{{"--out", inside}, {"--out", layer}, {"--out", filepath.Join(dir, "dist"), "--oci", inside}} {
		var out bytes.Buffer
		assert.Equal(t, exitFailed, run(t.Context(), append(append([]string{"build"}, args...), layer), &out, &out))
		assert.Equal(t, "graft: "+args[len(args)-1]+": inside the layer folder "+layer+": the next build would ship what this one writes there\n", out.String())
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Len(t, left, 1)
	}
}

// TestBuildSecrets: the flag puts graft-secrets into every zip.
func TestBuildSecrets(t *testing.T) {
	for _, flags := range [][]string{nil, {"--secrets"}} {
		dir := t.TempDir()
		var out bytes.Buffer
		require.Zero(t, run(t.Context(), append([]string{"build", "--out", dir}, flags...), &out, &out), "%s", &out)
		for _, arch := range []string{"amd64", "arm64"} {
			z, err := zip.OpenReader(filepath.Join(dir, "graft-"+arch+".zip"))
			require.NoError(t, err)
			defer z.Close()
			i := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == "graft-secrets" })
			assert.Equal(t, flags != nil, i >= 0, "%s %q", arch, flags)
			if i >= 0 {
				assert.Equal(t, os.FileMode(0o755), z.File[i].Mode())
			}
		}
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"version"}, &out, &out))
	assert.Equal(t, "graft devel\n", out.String())
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
