package explain

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// TestExamples explains every template of the examples. What sam build makes of
// their layers is not there: a layer that is given stands for it.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/template.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	layer := lay(t, map[string]string{"graft.d/50-a.env": "A=1"})
	for _, file := range files {
		results, err := All(Options{Template: file, Layers: []string{layer}})
		require.NoError(t, err, file)
		require.NotEmpty(t, results, file)
		for _, r := range results {
			assert.Empty(t, r.Error, file)
			assert.Contains(t, r.Agents, "a", file)
		}
	}
}

// lay writes programs and fragments below a new folder.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	return testbed.Tree(t, 0o755, files)
}

func one(t *testing.T, o Options) Result {
	t.Helper()
	results, err := All(o)
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

// TestLinks follows links as the wrapper does: within the layers.
func TestLinks(t *testing.T) {
	layer := lay(t, map[string]string{"graft": "", "x.js": "", "graft.d/50-a.env": "NODE_OPTIONS=--require /opt/linked.js", "graft.d/60-b.env": "NODE_OPTIONS=--require /opt/out.js"})
	for name, target := range map[string]string{"own": "/opt/graft", "linked.js": "x.js", "out.js": "/etc/passwd"} {
		require.NoError(t, os.Symlink(target, filepath.Join(layer, name)))
	}
	r := one(t, Options{Runtime: "nodejs22.x", Layers: []string{layer}, Env: []string{"GRAFT_NEXT=/opt/own"}})
	assert.Equal(t, []string{"a"}, r.Agents)
	assert.Equal(t, []Skip{
		{"GRAFT_NEXT", "", "/opt/own: is graft itself"},
		{"b", "/opt/graft.d/60-b.env", "/opt/out.js: no such file"},
	}, r.Skipped)
}

// TestProgram finds what a function of its own kind starts.
func TestProgram(t *testing.T) {
	for _, tt := range []struct {
		name  string
		o     Options
		files string
		want  string
	}{
		{"native .NET", Options{Runtime: "dotnet8", Handler: "Shop"}, "Shop", "/var/task/Shop"},
		{"a .NET assembly", Options{Runtime: "dotnet8", Handler: "Shop"}, "Shop Shop.dll", "/var/lang/bin/dotnet"},
		{"own bootstrap", Options{Runtime: "provided.al2023"}, "bootstrap", "/var/task/bootstrap"},
		{"a layer's bootstrap", Options{Runtime: "provided.al2023", Layers: []string{lay(t, map[string]string{"bootstrap": ""})}}, "x", "/opt/bootstrap"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for _, name := range strings.Fields(tt.files) {
				files[name] = ""
			}
			tt.o.Code = lay(t, files)
			assert.Equal(t, tt.want, one(t, tt.o).Before[0])
		})
	}
}

// elfFor is the least that is a program for a machine.
func elfFor(machine elf.Machine) string {
	return string(testbed.Object(elf.ET_EXEC, machine, ""))
}

// TestForeignPrograms tells what does not start though the function does: what
// the companion runs, and a companion that the wrapper starts.
func TestForeignPrograms(t *testing.T) {
	arm, intel := elfFor(elf.EM_AARCH64), elfFor(elf.EM_X86_64)
	layer := lay(t, map[string]string{
		"graft": intel, "graft-companion": arm, "extensions/graft-companion": intel, "arm": arm, "intel": intel,
		"graft.d/10-arm.env": "GRAFT_RUN=/opt/arm", "graft.d/20-intel.env": "GRAFT_RUN=/opt/intel",
	})
	r := one(t, Options{Runtime: "nodejs22.x", Layers: []string{layer}})
	assert.Empty(t, r.DoesNotStart)
	assert.Equal(t, []Skip{
		{"", "", "/opt/graft-companion: is for arm64, the function is for amd64: it does not start"},
		{"arm", "/opt/graft.d/10-arm.env", "GRAFT_RUN: /opt/arm: is for arm64, the function is for amd64: the companion cannot start it, and the function runs without it"},
	}, r.Skipped)
	assert.Equal(t, []Skip{{"intel", "/opt/graft.d/20-intel.env", "the companion runs /opt/intel beside the function"}}, r.Notes)
}

// TestArchitecture takes it from the first of the layers' own programs, and says
// where layers differ.
func TestArchitecture(t *testing.T) {
	arm := lay(t, map[string]string{"graft": elfFor(elf.EM_AARCH64), "graft.d/50-a.env": "A=1"})
	vendor := lay(t, map[string]string{"extensions/vendor": elfFor(elf.EM_X86_64)})
	other := lay(t, map[string]string{"extensions/vendor": elfFor(elf.EM_RISCV)})
	for _, tt := range []struct {
		name   string
		o      Options
		arch   string
		starts bool
	}{
		{"no program", Options{Runtime: "java21"}, "amd64", true},
		{"wrapper", Options{Runtime: "java21", Layers: []string{arm}}, "arm64", true},
		{"a command", Options{Command: []string{"node", "x.js"}, Layers: []string{arm}}, "arm64", true},
		{"an extension alone", Options{Runtime: "java21", Layers: []string{vendor}}, "amd64", true},
		{"layers that differ", Options{Runtime: "java21", Layers: []string{arm, vendor}}, "arm64", false},
		{"hidden by a later layer", Options{Runtime: "java21", Layers: []string{arm, lay(t, map[string]string{"graft": elfFor(elf.EM_X86_64)})}}, "amd64", true},
		{"given", Options{Runtime: "java21", Arch: "amd64", Layers: []string{arm}}, "amd64", false},
		{"no processor of Lambda's", Options{Runtime: "java21", Layers: []string{other}}, "amd64", false},
		{"switched off, but started", Options{Runtime: "java21", Arch: "amd64", Layers: []string{arm}, Env: []string{"GRAFT_DISABLE=1"}}, "amd64", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := one(t, tt.o)
			assert.Equal(t, tt.arch, r.Architecture)
			assert.Equal(t, tt.starts, len(r.DoesNotStart) == 0, r.DoesNotStart)
		})
	}
}

// TestOneName tells several fragments of one agent apart.
func TestOneName(t *testing.T) {
	layer := lay(t, map[string]string{
		"graft.d/50-a.env": "GRAFT_RUNTIMES=nodejs\nA=1", "graft.d/51-a.env": "GRAFT_RUNTIMES=python\nA=2",
		"graft.d/60-a.env": "export B=1", "graft.d/70-a.env": "C=1",
	})
	r := one(t, Options{Runtime: "python3.13", Layers: []string{layer}})
	assert.Equal(t, []string{"a"}, r.Agents)
	var fragments []string
	for _, list := range [][]Skip{r.Skipped, r.Unused} {
		for _, s := range list {
			fragments = append(fragments, s.Fragment)
		}
	}
	for _, e := range r.Edits {
		fragments = append(fragments, e.Name+" "+e.Fragment)
	}
	assert.Equal(t, []string{"/opt/graft.d/60-a.env", "/opt/graft.d/50-a.env", "A /opt/graft.d/51-a.env", "C /opt/graft.d/70-a.env"}, fragments)
}

func TestText(t *testing.T) {
	before := "x"
	results := []Result{{
		Runtimes: []string{"nodejs22.x"}, Architecture: "amd64",
		Before: []string{"node", "a"}, After: []string{"node", "b\x1b[2J\u009b2J"},
		Environment: []Change{{Name: "A", Before: &before, After: "y"}},
	}}
	var plain, coloured bytes.Buffer
	require.NoError(t, Text(&plain, results, false))
	assert.Equal(t, "nodejs22.x · amd64\n  command line\n      node\n    - a\n    + b?[2J?2J\n  environment\n    - A=x\n    + A=y\n", plain.String())
	require.NoError(t, Text(&coloured, results, true))
	assert.Contains(t, coloured.String(), "\x1b[32m    + A=y\x1b[0m\n")
	assert.NotContains(t, coloured.String(), "\x1b[2J")
}

func TestDiff(t *testing.T) {
	text := func(lines []line) (s string) {
		for _, l := range lines {
			s += string(l.sign) + l.text + " "
		}
		return s
	}
	for _, tt := range []struct{ before, after, want string }{
		{"a b c", "a x b c", " a +x  b  c "},
		{"a b c", "a c", " a -b  c "},
		{"a b", "a c", " a -b +c "},
		{"", "a", "+a "},
	} {
		assert.Equal(t, tt.want, text(diff(strings.Fields(tt.before), strings.Fields(tt.after))))
	}
	long := strings.Fields(strings.Repeat("a ", 3000))
	assert.Len(t, diff(long, long), 6000)
}
