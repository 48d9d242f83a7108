package layers_test

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// TestBuild builds the bare layer twice for each architecture, into a folder
// that SAM has made and that a build before has filled.
func TestBuild(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			var zips [2][]byte
			dir, out := t.TempDir(), filepath.Join(t.TempDir(), "dist", "graft.zip")
			for i := range zips {
				require.NoError(t, layers.Build(t.Context(), dir, layers.Options{Arch: arch}))
				assert.NoFileExists(t, filepath.Join(dir, "left-over"))
				require.NoError(t, opened(t, dir).Zip(t.Context(), out, nil))
				data, err := os.ReadFile(out)
				require.NoError(t, err)
				zips[i] = data
				require.NoError(t, os.WriteFile(filepath.Join(dir, "left-over"), nil, 0o644))
			}
			assert.True(t, bytes.Equal(zips[0], zips[1]), "two builds give the same bytes")
		})
	}
	assert.ErrorContains(t, layers.Build(t.Context(), t.TempDir(), layers.Options{Arch: "x86"}), `architecture "x86"`)
}

// TestBuildCompanion: where it stands, for everyone to execute.
func TestBuildCompanion(t *testing.T) {
	const external, forked = "extensions/graft-companion", "graft-companion"
	for companion, want := range map[layers.Companion]string{"": external, layers.External: external, layers.Forked: forked, layers.NoCompanion: ""} {
		dir := t.TempDir()
		require.NoError(t, layers.Build(t.Context(), dir, layers.Options{Arch: runtime.GOARCH, Companion: companion}))
		for _, file := range []string{external, forked} {
			info, err := os.Lstat(filepath.Join(dir, file))
			if file != want {
				assert.ErrorIs(t, err, fs.ErrNotExist, "%s: %s", companion, file)
				continue
			}
			require.NoError(t, err, companion)
			assert.Equal(t, fs.FileMode(0o755), info.Mode())
		}
	}
	err := layers.Build(t.Context(), t.TempDir(), layers.Options{Arch: runtime.GOARCH, Companion: "exensions"})
	assert.EqualError(t, err, `companion "exensions": neither extension nor forked nor none`)
}

// TestBuildSecrets: graft-secrets stands in the layer only if it was asked for,
// for everyone to execute.
func TestBuildSecrets(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		dir := t.TempDir()
		require.NoError(t, layers.Build(t.Context(), dir, layers.Options{Arch: "arm64", Companion: layers.NoCompanion, Secrets: wanted}))
		info, err := os.Lstat(filepath.Join(dir, "graft-secrets"))
		if !wanted {
			assert.ErrorIs(t, err, fs.ErrNotExist)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o755), info.Mode())
		program, err := elf.Open(filepath.Join(dir, "graft-secrets"))
		require.NoError(t, err)
		defer program.Close()
		assert.Equal(t, elf.EM_AARCH64, program.Machine)
		assert.False(t, slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), "static")
	}
	assert.Contains(t, layers.Programs(), "graft-secrets")
}

// TestBuildDeletesNothingElse gives folders that a build must not empty, and
// finds all that was in them.
func TestBuildDeletesNothingElse(t *testing.T) {
	aLayer := map[string]string{"graft": "program", "graft-run/java": "x", "graft.d/50-a.env": "A=1\n"}
	for _, test := range []struct {
		name  string
		files map[string]string
		dst   string // below the folder of files
		src   string
		want  string
	}{
		{"its source", aLayer, ".", ".", "with the layer folder"},
		{"its source's parent", map[string]string{"src/f": ""}, ".", "src", "with the layer folder"},
		{"a folder in its source", map[string]string{"f": ""}, "out", ".", "with the layer folder"},
		{"its source by a link", map[string]string{"real/graft": "", "real/graft-run/x": "", "link": "->real"}, "link", "real", "with the layer folder"},
		{"a source that is a link", map[string]string{"real/graft": "", "real/graft-run/x": "", "link": "->real"}, "real", "link", "with the layer folder"},
		{"new, below a link to its source", map[string]string{"real/f": "", "link": "->real"}, "link/new", "real", "with the layer folder"},
		{"a source that is not there", map[string]string{"out/graft": "", "out/graft-run/x": ""}, "out", "none", "layer folder: "},
		{"somebody's folder", map[string]string{"out/letter": "dear", "src/f": ""}, "out", "src", "neither empty nor a layer"},
		{"a folder with a program of that name", map[string]string{"out/graft": "mine", "src/f": ""}, "out", "src", "neither empty nor a layer"},
		{"a folder with a folder of that name", map[string]string{"out/graft/f": "", "out/graft-run/f": "", "src/f": ""}, "out", "src", "neither empty nor a layer"},
		{"a file", map[string]string{"out": "text", "src/f": ""}, "out", "src", "not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, test.files)
			before := staged(t, dir)
			err := layers.Build(t.Context(), filepath.Join(dir, test.dst), layers.Options{Arch: "amd64"}, filepath.Join(dir, test.src))
			assert.ErrorContains(t, err, test.want)
			assert.Equal(t, before, staged(t, dir))
		})
	}
}

// TestBuildKeepsTheWorkingDirectory asks for the folder that the build runs
// in, which looks like a layer, and for one that it lies in.
func TestBuildKeepsTheWorkingDirectory(t *testing.T) {
	dir := folder(t, map[string]string{"graft": "program", "graft-run/java": "x", "deeper/f": ""})
	before := staged(t, dir)
	for _, wd := range []string{".", "deeper"} {
		t.Chdir(filepath.Join(dir, wd))
		for _, dst := range []string{dir, ".", map[string]string{".": ".", "deeper": ".."}[wd]} {
			err := layers.Build(t.Context(), dst, layers.Options{Arch: "amd64", Cache: t.TempDir()})
			assert.ErrorContains(t, err, "the layer cannot be built there: the working directory would be deleted")
			assert.Equal(t, before, staged(t, dir))
		}
	}
}

// TestBuildClashes holds the wrapper's own part to the rule for layer folders:
// the same file is welcome, a different one is an error, whoever brings it.
func TestBuildClashes(t *testing.T) {
	opt := layers.Options{Arch: runtime.GOARCH}
	whole := t.TempDir()
	require.NoError(t, layers.Build(t.Context(), whole, opt))
	require.NoError(t, layers.Build(t.Context(), t.TempDir(), opt, whole), "what graft has built itself")
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string // with SRC for the folder
	}{
		{"the program", map[string]string{"graft": "mine"}, "graft: graft and SRC bring different files"},
		{"the companion", map[string]string{"extensions/graft-companion": "mine"}, "extensions/graft-companion: graft and SRC bring different files"},
		{"a folder in its place", map[string]string{"graft/f": ""}, "graft: a file from graft, a folder from SRC"},
		{"the runner", map[string]string{"graft-python/sitecustomize.py": "mine"}, "graft-python/sitecustomize.py: graft and SRC bring different files"},
		{"a name to run by", map[string]string{"graft-run/java": "mine"}, "graft-run/java: graft and SRC bring different files"},
		{"a file in a folder's place", map[string]string{"graft-run": ""}, "graft-run: a folder from graft, a file from SRC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			src, dst := folder(t, test.files), t.TempDir()
			err := layers.Build(t.Context(), dst, opt, src)
			require.Error(t, err)
			assert.Equal(t, test.want, string(bytes.ReplaceAll([]byte(err.Error()), []byte(src), []byte("SRC"))))

			// What the failed build left is known as a layer.
			require.NoError(t, os.RemoveAll(src))
			require.NoError(t, os.Mkdir(src, 0o755))
			require.NoError(t, layers.Build(t.Context(), dst, opt, src))
			info, err := os.Lstat(filepath.Join(dst, "graft"))
			require.NoError(t, err)
			assert.Equal(t, fs.FileMode(0o755), info.Mode())
		})
	}
}
