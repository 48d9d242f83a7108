package layers_test

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// samZip packs a folder as `sam package` does, in the words of its make_zip.
const samZip = `
import os, sys, zipfile
source, out = sys.argv[1:]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
    for root, _, files in os.walk(source, followlinks=True):
        for name in files:
            path = os.path.join(root, name)
            with open(path, "rb") as f:
                data = f.read()
            info = zipfile.ZipInfo(os.path.relpath(path, source))
            info.create_system = 3
            info.external_attr = (0o100444 | os.stat(path).st_mode) << 16
            z.writestr(info, data, compress_type=zipfile.ZIP_DEFLATED)
`

// A packer is a program that makes a zip of a layer.
type packer struct {
	name string
	argv []string
	dir  string

	took, cpu []time.Duration
	size      int64 // bytes
	memory    int64 // bytes, at its most
}

// BenchmarkBuild makes a layer of 8,000 files and 200 MB by `graft build`,
// which compiles the wrapper too, and packs the same files, the wrapper's among
// them, by zip and by Python's zipfile: in turns, three times each.
func BenchmarkBuild(b *testing.B) {
	root, err := layers.SourceTree(b.Context())
	require.NoError(b, err)
	work := b.TempDir()
	tree, layer := filepath.Join(work, "tree"), filepath.Join(work, "layer")
	out, command := filepath.Join(work, "x-amd64.zip"), filepath.Join(work, "graft")
	count, total := goTree(b, tree)
	require.NoError(b, layers.Program{Package: "layers/graft", OS: runtime.GOOS, Arch: runtime.GOARCH}.Compile(b.Context(), command))

	require.NoError(b, layers.Build(b.Context(), layer, layers.Options{Arch: "amd64"}, tree))

	packers := []*packer{{name: "graft build", dir: root, argv: []string{command, "build", "--arch", "amd64", "--out", work, "--name", "x", tree}}}
	for _, other := range []*packer{
		{name: "zip -qr", dir: layer, argv: []string{"zip", "-qr", out, "."}},
		{name: "python3 zipfile", dir: tree, argv: []string{"python3", "-c", samZip, layer, out}},
	} {
		if _, err := exec.LookPath(other.argv[0]); err != nil {
			b.Logf("%s is not on PATH: left out", other.argv[0])
			continue
		}
		packers = append(packers, other)
	}
	for b.Loop() {
		for range 3 {
			for _, p := range packers {
				p.run(b, out)
			}
		}
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d files, %.0f MB, median\ts\tratio\tCPU s\tMB\tratio\tmemory MB\t\n", count, float64(total)/1e6)
	graft := packers[0]
	for _, p := range packers {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.1f\t%.3f\t%.0f\t\n", p.name, median(p.took).Seconds(), float64(median(p.took))/float64(median(graft.took)),
			median(p.cpu).Seconds(), float64(p.size)/1e6, float64(p.size)/float64(graft.size), float64(p.memory)/1e6)
		b.ReportMetric(median(p.took).Seconds(), strings.ReplaceAll(p.name, " ", "-")+"-s")
	}
	require.NoError(b, w.Flush())
	b.Logf("\n%s", text.String())
}

func (p *packer) run(b *testing.B, out string) {
	require.NoError(b, os.RemoveAll(out))
	cmd := exec.CommandContext(b.Context(), p.argv[0], p.argv[1:]...)
	cmd.Dir = p.dir
	start := time.Now()
	said, err := cmd.CombinedOutput()
	p.took = append(p.took, time.Since(start))
	require.NoError(b, err, string(said))
	p.cpu = append(p.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	p.memory = max(p.memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)
	info, err := os.Stat(out)
	require.NoError(b, err)
	p.size = info.Size()
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// goTree copies the largest 8,000 files of Go's own distribution that make no
// more than 205 MB: sources, texts and native programs. It returns how many and
// how large they are.
func goTree(b *testing.B, dst string) (count int, total int64) {
	goroot, err := exec.CommandContext(b.Context(), "go", "env", "GOROOT").Output()
	require.NoError(b, err)
	src := strings.TrimSpace(string(goroot))
	type file struct {
		name string
		size int64
	}
	var files []file
	require.NoError(b, filepath.WalkDir(src, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || slices.Contains([]string{"package.json", "package-lock.json", "requirements.txt"}, d.Name()) {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files = append(files, file{name, info.Size()})
		}
		return err
	}))
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.name, b.name)) })
	const most = 205_000_000
	for first := range files {
		chosen := files[first:min(first+8000, len(files))]
		total = 0
		for _, f := range chosen {
			total += f.size
		}
		if total > most {
			continue
		}
		for _, f := range chosen {
			rel, err := filepath.Rel(src, f.name)
			require.NoError(b, err)
			data, err := os.ReadFile(f.name)
			require.NoError(b, err)
			to := filepath.Join(dst, rel)
			require.NoError(b, os.MkdirAll(filepath.Dir(to), 0o755))
			require.NoError(b, os.WriteFile(to, data, 0o644))
		}
		return len(chosen), total
	}
	return 0, 0
}
