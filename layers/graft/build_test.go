package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
	require.NoError(t, os.MkdirAll(inside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(inside, "agent.js"), nil, 0o644))
	file, dist := filepath.Join(dir, "file"), filepath.Join(dir, "dist")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	foreign := fmt.Sprintf("%q: inside the layer folder %s, and agent.js in it is not what a build writes: it would be missing from the layer; give another folder\n", inside, layer)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--out", inside}, "--out: " + foreign},
		{[]string{"--out", dist, "--oci", inside}, "--oci: " + foreign},
		{[]string{"--out", layer}, fmt.Sprintf("--out: %q: the layer folder itself: the next build would ship what this one writes there\n", layer)},
		{[]string{"--out", file}, fmt.Sprintf("--out: %q: not a folder\n", file)},
		{[]string{"--out", dist, "--oci", file}, fmt.Sprintf("--oci: %q: not a folder\n", file)},
		{[]string{"--out", filepath.Join(file, "sub")}, fmt.Sprintf("--out: %q: not a directory\n", filepath.Join(file, "sub"))},
		{[]string{"--out", dist, "--oci", dist}, fmt.Sprintf("--oci: %q: the zips are written there: give a folder of its own\n", dist)},
		{[]string{"--out", dist, "--oci", dir}, fmt.Sprintf("--oci: %q: the zips are written there: give a folder of its own\n", dir)},
		{[]string{"--out", dist, "--oci", filepath.Dir(inside)}, fmt.Sprintf("--oci: %q: inside the layer folder %s, and b in it is not", filepath.Dir(inside), layer)},
		{[]string{"--out", dist, file}, "layer folder: " + file + ": not a folder\n"},
		{[]string{"--arch", "arm64", "--into", file}, file + ": not a directory\n"},
	} {
		var out bytes.Buffer
		assert.Equal(t, exitFailed, run(t.Context(), append(append([]string{"build"}, test.args...), layer), &out, &out))
		assert.True(t, strings.HasPrefix(out.String(), "graft: "+test.want), "%q: %s", test.args, &out)
		assert.NoFileExists(t, dist)
	}
}

// TestBuildHere builds a layer of the folder that it stands in, twice: what the
// first build has written there does not ship.
func TestBuildHere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "graft.d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "graft.d/50-mine.env"), []byte("A=1\n"), 0o644))
	aside := filepath.Join(t.TempDir(), "aside")
	build := func(args ...string) string {
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(t.Context(), append([]string{"build", "--arch", "arm64"}, args...), &stdout, &stderr), "%s", &stderr)
		return stderr.String()
	}
	build("--out", aside, dir)
	for range 2 {
		said := build("--out", filepath.Join(dir, "dist"), "--oci", filepath.Join(dir, "dist/oci"), dir)
		assert.Equal(t, 2, strings.Count(said, "out of the layer: this build writes there\n"), said)
		want, err := os.ReadFile(filepath.Join(aside, "mine-arm64.zip"))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(dir, "dist/mine-arm64.zip"))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), "the same as with the zips elsewhere")
		assert.NotContains(t, said, "looks like a layer")
	}
	assert.Contains(t, build("--out", aside, dir), "graft: dist/mine-arm64.zip: ships with the layer, and looks like a layer that was built")
}

// TestBuildOne: the answer is a line for each zip, all else goes to standard
// error.
func TestBuildOne(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"build", "--arch", "arm64", "--out", dir, "--name", "one"}, &stdout, &stderr), "%s", &stderr)
	file := filepath.Join(dir, "one-arm64.zip")
	assert.Regexp(t, "^"+regexp.QuoteMeta(file)+`  \d+\.\d MB, unzipped \d+\.\d MB\n$`, stdout.String())
	assert.Equal(t, "packing "+file+"\n", stderr.String())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1)
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

// TestBuildLacksSecrets: a layer whose fragments need graft-secrets, and that is
// made without it, is worth a line.
func TestBuildLacksSecrets(t *testing.T) {
	for _, c := range []struct {
		text  string
		flags []string
		files []string
		said  bool
	}{
		{text: "GRAFT_RUN=/opt/graft-secrets serve\n", said: true},
		{text: "KEY=ref+awssecrets://key\n", said: true},
		{text: "KEY=ref+awssecrets://key\n", flags: []string{"--secrets"}},
		{text: "KEY=ref+awssecrets://key\n", files: []string{"graft-secrets"}},
		{text: "KEY=ref+vault://key\n"},
		{text: "GRAFT_RUN=/opt/collector\nKEY=1\n"},
	} {
		dir := filepath.Join(t.TempDir(), "mine")
		file := filepath.Join(dir, "graft.d/50-a.env")
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(c.text), 0o644))
		for _, name := range c.files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o755))
		}
		var out bytes.Buffer
		o, err := newOrder(append(c.flags, dir), &out, &out)
		require.NoError(t, err)
		want := ""
		if c.said {
			want = file
		}
		assert.Equal(t, want, o.lacksSecrets(), c.text)
	}
	var stdout, stderr bytes.Buffer
	args := []string{"build", "--arch", "arm64", "--companion", "none", "--into", filepath.Join(t.TempDir(), "into"), "../parameters-and-secrets"}
	require.Zero(t, run(t.Context(), args, &stdout, &stderr), "%s", &stderr)
	assert.Equal(t, "graft: ../parameters-and-secrets/graft.d/20-parameters-and-secrets.env: needs /opt/graft-secrets, which is not in this layer: give --secrets, if no other layer has it\n", stderr.String())
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

// TestBuildTellsNamesPlainly has a file whose name would steer a terminal, and
// begin a line that CI takes for a command.
func TestBuildTellsNamesPlainly(t *testing.T) {
	dir := t.TempDir()
	layer := filepath.Join(dir, "mine")
	require.NoError(t, os.Mkdir(layer, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(layer, "a\x1b[31m\n::error::b"), nil, 0o644))
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), []string{"build", "--arch", "amd64", "--companion", "none", "--out", dir, layer}, &stdout, &stderr))
	assert.Equal(t, "graft: "+layer+"/a?[31m?::error::b: a control character in the name\n", stderr.String())

	stderr.Reset()
	assert.Equal(t, exitUsage, run(t.Context(), []string{"run", "--code", "none\x1b[31m", "--", "x\x9b"}, &stdout, &stderr))
	assert.NotContains(t, stderr.String(), "\x1b")
}
