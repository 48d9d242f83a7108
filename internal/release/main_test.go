package main

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// TestRelease makes a release twice, from copies of the sources at two places,
// with nothing else of the machine in common but the modules' and the
// compiler's caches. Then it uses the command where there are no sources.
func TestRelease(t *testing.T) {
	root, err := layers.SourceTree(t.Context())
	require.NoError(t, err)
	env := func(name string) string {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	shared := []string{"GOMODCACHE=" + env("GOMODCACHE"), "GOCACHE=" + env("GOCACHE")}

	var outs []string
	for _, place := range []string{"here", "elsewhere/deeper"} {
		dir := filepath.Join(t.TempDir(), place)
		tree, out, temp := filepath.Join(dir, "tree"), filepath.Join(dir, "out"), filepath.Join(dir, "tmp")
		for _, part := range []string{"inject", "internal", "layers", "wrapper"} {
			require.NoError(t, os.CopyFS(filepath.Join(tree, part), os.DirFS(filepath.Join(root, part))))
		}
		for _, file := range []string{"go.mod", "go.sum"} {
			data, err := os.ReadFile(filepath.Join(root, file))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(tree, file), data, 0o644))
		}
		require.NoError(t, os.Mkdir(temp, 0o755))
		cmd := exec.CommandContext(t.Context(), "go", "run", "./internal/release", "-out", out, "-version", "v1.2.3")
		cmd.Dir = tree
		cmd.Env = append(os.Environ(), append(shared, "GOPATH="+filepath.Join(dir, "gopath"), "TMPDIR="+temp, "GRAFT_CACHE="+filepath.Join(dir, "cache"))...)
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, string(said))
		assert.Regexp(t, `^`+regexp.QuoteMeta(out)+`/graft-darwin-amd64  \d+\.\d MB\n(.*\n){5}`+regexp.QuoteMeta(out)+`/SHA256SUMS  the digests, for sha256sum -c\n$`, string(said))
		outs = append(outs, out)
	}

	sums := read(t, filepath.Join(outs[0], "SHA256SUMS"))
	var names []string
	for line := range strings.Lines(string(sums)) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		names = append(names, name)
		assert.True(t, bytes.Equal(read(t, filepath.Join(outs[0], name)), read(t, filepath.Join(outs[1], name))), "%s is the same from both places", name)
	}
	assert.Equal(t, []string{"graft-amd64.zip", "graft-arm64.zip", "graft-darwin-amd64", "graft-darwin-arm64", "graft-linux-amd64", "graft-linux-arm64"}, names)
	assert.Equal(t, string(sums), string(read(t, filepath.Join(outs[1], "SHA256SUMS"))))

	t.Run("the command where there are no sources", func(t *testing.T) {
		dir := t.TempDir()
		graft := func(args ...string) string {
			cmd := exec.CommandContext(t.Context(), filepath.Join(outs[0], "graft-linux-"+runtime.GOARCH), args...)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + dir, "HOME=" + dir} // not even Go
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			return string(out)
		}
		assert.Equal(t, "graft v1.2.3\n", graft("version"))
		assert.Equal(t, "graft v1.2.3\n", graft("--version"))
		graft("build", "--name", "graft")
		for _, arch := range architectures {
			name := "graft-" + arch + ".zip"
			assert.True(t, bytes.Equal(read(t, filepath.Join(outs[0], name)), read(t, filepath.Join(dir, "dist", name))), "%s is the release's own", name)

			program := filepath.Join(t.TempDir(), "graft")
			require.NoError(t, layers.BuildProgram(t.Context(), "wrapper", arch, program))
			z, err := zip.OpenReader(filepath.Join(dir, "dist", name))
			require.NoError(t, err)
			defer z.Close()
			f, err := z.Open("graft")
			require.NoError(t, err)
			shipped, err := io.ReadAll(f)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(read(t, program), shipped), "the wrapper for %s is what the sources give", arch)
			_, err = z.Open("graft-secrets")
			assert.ErrorIs(t, err, fs.ErrNotExist, "it was not asked for")

			// The command has every program for both architectures inside.
			into := filepath.Join(dir, "with", arch)
			graft("build", "--secrets", "--arch", arch, "--into", into)
			secrets := filepath.Join(t.TempDir(), "graft-secrets")
			p := layers.LayerProgram("wrapper/secrets", arch)
			p.Version = "v1.2.3"
			require.NoError(t, p.Compile(t.Context(), secrets))
			assert.True(t, bytes.Equal(read(t, secrets), read(t, filepath.Join(into, "graft-secrets"))), "graft-secrets for %s is what the sources give", arch)
			if arch == runtime.GOARCH {
				out, err := exec.CommandContext(t.Context(), filepath.Join(into, "graft-secrets"), "--version").Output()
				require.NoError(t, err)
				assert.Equal(t, "graft-secrets v1.2.3\n", string(out))
			}
		}

		// In the layer folder itself, with nothing said of where to.
		dir = filepath.Join(t.TempDir(), "agents")
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "graft.d"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "graft.d/50-a.env"), []byte("A=1\n"), 0o644))
		var zips [2][]byte
		for i := range zips {
			assert.Contains(t, graft("build", "."), "leaving dist out of the layer: this build writes there\n")
			zips[i] = read(t, filepath.Join(dir, "dist/agents-arm64.zip"))
		}
		assert.True(t, bytes.Equal(zips[0], zips[1]))
	})
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return data
}

func TestVersionIsOneWord(t *testing.T) {
	for _, version := range []string{"", "v1 -s", "v1'"} {
		assert.ErrorContains(t, release(t.Context(), t.TempDir(), version, io.Discard), "want one word", "%q", version)
	}
}
