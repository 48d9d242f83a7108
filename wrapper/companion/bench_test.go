//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

// A table of figures, the names on the left.
type table struct {
	text strings.Builder
	w    *tabwriter.Writer
}

func newTable(head ...string) *table {
	t := &table{}
	t.w = tabwriter.NewWriter(&t.text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t.w, strings.Join(head, "\t")+"\t")
	return t
}

// row takes a format and a value for each column.
func (t *table) row(name string, cells ...any) {
	fmt.Fprint(t.w, name)
	for cell := range slices.Chunk(cells, 2) {
		fmt.Fprintf(t.w, "\t"+cell[0].(string), cell[1])
	}
	fmt.Fprintln(t.w, "\t")
}

func (t *table) String() string {
	t.w.Flush()
	return strings.TrimSuffix(t.text.String(), "\n")
}

// metric is the name of a figure as benchmarks report it.
func metric(name, unit string) string {
	return strings.NewReplacer(" ", "-", ",", "").Replace(name) + "-" + unit
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(times []time.Duration) time.Duration { return quantile(times, 0.5) }

func quantile(times []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[int(q*float64(len(sorted)-1))]
}

// processOf returns the process whose program is at path in the one environment
// that has this variable.
func processOf(b *testing.B, path, variable string) int {
	b.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(b, err)
	for _, entry := range entries {
		dir := filepath.Join("/proc", entry.Name())
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if pid, err := strconv.Atoi(entry.Name()); err == nil && strings.HasPrefix(string(line), path+"\x00") && strings.Contains(string(env), variable) {
			return pid
		}
	}
	require.Fail(b, "no process", path)
	return 0
}

// memory returns what a process has in memory and what it had at most, in MB of
// 1,000,000 bytes.
func memory(b *testing.B, pid int) (now, peak float64) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	field := func(name string) float64 {
		_, rest, _ := strings.Cut(string(text), "\n"+name+":")
		kb, err := strconv.Atoi(strings.Fields(rest)[0])
		require.NoError(b, err)
		return float64(kb) * 1024 / 1e6
	}
	return field("VmRSS"), field("VmHWM")
}

// processorTime returns what a process has used.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

// BenchmarkSize reports what the programs weigh.
func BenchmarkSize(b *testing.B) {
	for b.Loop() {
		t := newTable("bytes", "amd64", "arm64")
		for _, program := range []string{"wrapper", "wrapper/companion"} {
			var sizes [2]int64
			for i, arch := range []string{"amd64", "arm64"} {
				info, err := os.Stat(programFor(b, program, arch))
				require.NoError(b, err)
				sizes[i] = info.Size()
				b.ReportMetric(float64(sizes[i]), metric(filepath.Base(program)+" "+arch, "bytes"))
			}
			t.row(filepath.Base(program), "%d", sizes[0], "%d", sizes[1])
		}
		b.Logf("\n%s", t)
	}
}
