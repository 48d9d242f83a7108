//go:build linux

package main

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// maxSize is what the wrapper may weigh, in bytes: it is read anew in every
// cold start.
const maxSize = 3_500_000

// notLinked are packages that would make the wrapper large and slow to start,
// each with what all that begins with it.
var notLinked = []string{"net", "encoding/json", "crypto", "text/template", "log",
	"github.com/graft-lambda/graft/wrapper/", "github.com/graft-lambda/graft/internal/", "github.com/graft-lambda/graft/layers"}

// shared are the packages of the wrapper and the companion: how graft-secrets is
// started.
var shared = []string{"internal/child", "internal/resolve"}

func TestLinksLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	linked := strings.Fields(string(out))
	require.Contains(t, linked, "github.com/graft-lambda/graft/inject")
	for _, pkg := range linked {
		if slices.Contains(shared, strings.TrimPrefix(pkg, layers.Module+"/")) {
			continue
		}
		for _, not := range notLinked {
			assert.False(t, pkg == not || strings.HasPrefix(pkg, strings.TrimSuffix(not, "/")+"/"), "links %s", pkg)
		}
	}
}

func TestBinary(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			path := wrapperFor(t, arch)
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.LessOrEqual(t, info.Size(), int64(maxSize))
			t.Logf("%d bytes", info.Size())

			f, err := elf.Open(path)
			require.NoError(t, err)
			defer f.Close()
			for _, p := range f.Progs {
				assert.NotEqual(t, elf.PT_INTERP, p.Type, "not static")
			}
			assert.Equal(t, native.Machine(arch), f.Machine)

			built, err := buildinfo.ReadFile(path)
			require.NoError(t, err)
			var modules []string
			for _, m := range built.Deps {
				modules = append(modules, m.Path)
			}
			assert.ElementsMatch(t, []string{"github.com/joho/godotenv", "github.com/mattn/go-shellwords"}, modules)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			wd, err := os.Getwd()
			require.NoError(t, err)
			assert.NotContains(t, string(data), wd, "holds a path of the machine that built it")
		})
	}
}

// TestOtherArchitecture runs the wrapper for the other processor.
func TestOtherArchitecture(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("this is the other processor")
	}
	qemu := testbed.NeedTool(t, "qemu-aarch64-static")
	out, err := exec.Command(qemu, wrapperFor(t, "arm64"), "/bin/echo", "hello").CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(out))
}

// settingName is a setting at the start of a line of a table.
var (
	inComment = regexp.MustCompile(`(?m)^//\t(GRAFT_[A-Z_]+) `)
	inReadme  = regexp.MustCompile("(?m)^\\| *`(GRAFT_[A-Z_]+)`")
	inCode    = regexp.MustCompile(`read\("(GRAFT_[A-Z_]+)"|Lookup\("(GRAFT_[A-Z_]+)"\)`)
)

// TestSettingsAreDocumented compares what the code reads, the package comment
// and the README.
func TestSettingsAreDocumented(t *testing.T) {
	documented := names(t, inComment, "main.go")
	require.NotEmpty(t, documented)
	assert.Equal(t, documented, names(t, inCode, "../inject/decide.go", "../inject/fragment/settings.go"))
	readme := names(t, inReadme, "../README.md")
	for _, name := range documented {
		assert.Contains(t, readme, name)
	}
}

func names(t *testing.T, pattern *regexp.Regexp, files ...string) []string {
	t.Helper()
	var list []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
			list = append(list, strings.Join(m[1:], ""))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// TestNoTwoBuildsDiffer builds the wrapper a second time as another machine
// would: from a copy of its sources, with nothing compiled before.
func TestNoTwoBuildsDiffer(t *testing.T) {
	first, err := os.ReadFile(wrapperFor(t, runtime.GOARCH))
	require.NoError(t, err)
	tree := t.TempDir()
	for _, name := range append([]string{"wrapper", "inject"}, shared...) {
		require.NoError(t, os.CopyFS(filepath.Join(tree, name), os.DirFS(filepath.Join("..", name))))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(tree, name), text, 0o644))
	}
	t.Chdir(tree)
	t.Setenv("GOCACHE", t.TempDir())
	out := filepath.Join(t.TempDir(), "graft")
	require.NoError(t, layers.BuildProgram(t.Context(), "wrapper", runtime.GOARCH, out))
	second, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.True(t, slices.Equal(first, second))
}
