package check_test

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers/check"
)

// benchTree calls add for the files of a layer of 200 MB and 8,000 files: Go's
// own sources, over again if there are not enough, and its programs.
func benchTree(b *testing.B, add func(name string, data []byte)) {
	b.Helper()
	const files, size = 8000, 200 << 20
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(b, err)
	root := strings.TrimSpace(string(out))
	count, total := 0, 0
	walk := func(dir string, from, to int64, most int) {
		require.NoError(b, filepath.WalkDir(filepath.Join(root, dir), func(file string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.Contains(file, "testdata") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			info, err := d.Info()
			require.NoError(b, err)
			if count == files || total >= most || info.Size() < from || info.Size() >= to {
				return nil
			}
			data, err := os.ReadFile(file)
			require.NoError(b, err)
			data = data[:min(len(data), size-total)]
			add(fmt.Sprintf("lib/p%d/%d-%s", count/20, count, filepath.Base(file)), data)
			count++
			total += len(data)
			return nil
		}))
	}
	walk("pkg/tool", 1<<20, 64<<20, 100<<20)
	walk("bin", 1<<20, 64<<20, 100<<20)
	for count < files {
		walk("src", 1, 1<<20, size)
	}
	require.InDelta(b, size, total, size/4)
}

func benchZip(b *testing.B) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "bench.zip")
	f, err := os.Create(file)
	require.NoError(b, err)
	z := zip.NewWriter(f)
	benchTree(b, func(name string, data []byte) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o644)
		w, err := z.CreateHeader(h)
		require.NoError(b, err)
		_, err = w.Write(data)
		require.NoError(b, err)
	})
	require.NoError(b, z.Close())
	require.NoError(b, f.Close())
	return file
}

// BenchmarkZip checks a zip of 200 MB and 8,000 files; beside it, only reading
// every entry in turn.
func BenchmarkZip(b *testing.B) {
	file := benchZip(b)
	b.Run("check", func(b *testing.B) { benchCheck(b, file) })
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			z, err := zip.OpenReader(file)
			require.NoError(b, err)
			for _, f := range z.File {
				r, err := f.Open()
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, r)
				require.NoError(b, err)
			}
			require.NoError(b, z.Close())
		}
	})
}

// BenchmarkFolder checks the same as a folder.
func BenchmarkFolder(b *testing.B) {
	dir := b.TempDir()
	benchTree(b, func(name string, data []byte) {
		file := filepath.Join(dir, name)
		require.NoError(b, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(b, os.WriteFile(file, data, 0o644))
	})
	benchCheck(b, dir)
}

func benchCheck(b *testing.B, path string) {
	b.ReportAllocs()
	for b.Loop() {
		l, err := check.Open(path)
		require.NoError(b, err)
		report := check.Layers(check.Options{Arch: "amd64"}, l)
		require.Equal(b, 8000, report.Files)
		require.NoError(b, l.Close())
	}
}
