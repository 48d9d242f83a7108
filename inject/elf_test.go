package inject

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/testbed"
)

// compile builds with a C compiler of the machine; the test is skipped if
// there is none.
func compile(t *testing.T, compiler, source, out string, flags ...string) {
	t.Helper()
	cc := testbed.NeedTool(t, compiler)
	c := filepath.Join(t.TempDir(), "x.c")
	require.NoError(t, os.WriteFile(c, []byte(source), 0o644))
	text, err := exec.Command(cc, append([]string{"-o", out, c}, flags...)...).CombinedOutput()
	require.NoError(t, err, "%s", text)
}

const (
	aFunction = "int puts(const char *); int f(void) { return puts(\"f\"); }\n"
	aProgram  = "int main(void) { return 0; }\n"
)

// TestLibraryGlibc looks at what gcc builds as the dynamic linker would.
func TestLibraryGlibc(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.MkdirAll(in("deps"), 0o755))
	compile(t, "gcc", aProgram, in("program"))
	compile(t, "gcc", aFunction, in("deps/libdep.so"), "-shared", "-fPIC")
	compile(t, "gcc", aFunction, in("plain.so"), "-shared", "-fPIC")
	link := []string{"-shared", "-fPIC", "-L" + in("deps"), "-Wl,--no-as-needed", "-ldep"}
	compile(t, "gcc", aFunction, in("needs.so"), link...)
	compile(t, "gcc", aFunction, in("runpath.so"), append(link, "-Wl,-rpath,$ORIGIN/deps")...)
	compile(t, "gcc", aFunction, in("braces.so"), append(link, "-Wl,-rpath,/gone:${ORIGIN}/deps")...)
	compile(t, "gcc", aFunction, in("rpath.so"), append(link, "-Wl,--disable-new-dtags,-rpath,"+in("deps"))...)
	compile(t, "gcc", aFunction, in("lost.so"), append(link, "-Wl,-rpath,$ORIGIN/gone")...)
	compile(t, "gcc", aFunction, in("math.so"), "-shared", "-fPIC", "-Wl,--no-as-needed", "-lm")
	require.NoError(t, os.WriteFile(in("text.so"), []byte("INPUT(libc.so.6)"), 0o644))
	require.NoError(t, os.WriteFile(in("empty.so"), nil, 0o644))
	whole, err := os.ReadFile(in("plain.so"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(in("cut.so"), whole[:40], 0o644))

	c := func(env ...string) *check {
		return &check{Machine: Machine{Root: os.DirFS("/"), Dir: "/", Arch: "amd64"}, rt: Runtime{Path: in("program")}, env: env}
	}
	for name, want := range map[string]string{
		"plain.so": "", "math.so": "", "runpath.so": "", "braces.so": "", "rpath.so": "",
		"needs.so": "needs libdep.so", "lost.so": "needs libdep.so",
		"text.so": "no ELF", "empty.so": "no ELF", "cut.so": "no ELF", "gone.so": "no such file", "deps": "is a directory",
	} {
		err := c().library(in(name))
		if want == "" {
			assert.NoError(t, err, name)
		} else if assert.ErrorContains(t, err, want, name) {
			assert.ErrorContains(t, err, in(name))
		}
	}
	assert.NoError(t, c("LD_LIBRARY_PATH=/gone:"+in("deps")).library(in("needs.so")))
	ours := c()
	ours.frag = fragment.Fragment{Vars: []fragment.Var{{Name: "LD_LIBRARY_PATH", Value: in("deps")}}}
	assert.NoError(t, ours.library(in("needs.so")), "the fragment's own LD_LIBRARY_PATH counts")
	assert.NoError(t, c("LD_LIBRARY_PATH="+in("deps")).libraryNamed("libdep.so"))
	assert.ErrorContains(t, c("LD_LIBRARY_PATH=").libraryNamed("libdep.so"), "no such library")
}

// TestLibraryMusl: a library for one C library never goes into a program for
// the other.
func TestLibraryMusl(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	compile(t, "gcc", aProgram, in("glibc"))
	compile(t, "gcc", aFunction, in("glibc.so"), "-shared", "-fPIC")
	compile(t, "musl-gcc", aProgram, in("musl"))
	compile(t, "musl-gcc", aFunction, in("musl.so"), "-shared", "-fPIC")
	compile(t, "musl-gcc", aProgram, in("static"), "-static")
	for _, c := range []struct{ program, library, want string }{
		{"glibc", "glibc.so", ""}, {"musl", "musl.so", ""}, {"static", "musl.so", ""}, {"gone", "glibc.so", ""},
		{"glibc", "musl.so", "is for musl, the runtime is for glibc"}, {"musl", "glibc.so", "is for glibc, the runtime is for musl"},
	} {
		ck := &check{Machine: Machine{Root: os.DirFS("/"), Dir: "/", Arch: "amd64"}, rt: Runtime{Path: in(c.program)}}
		err := ck.library(in(c.library))
		if c.want == "" {
			assert.NoError(t, err, c)
		} else {
			assert.ErrorContains(t, err, c.want, c)
		}
	}
}

// TestLibraryArch: the program decides, else the machine.
func TestLibraryArch(t *testing.T) {
	header := func(machine elf.Machine) *fstest.MapFile {
		return &fstest.MapFile{Data: testbed.Object(elf.ET_DYN, machine, ""), Mode: 0o644}
	}
	fsys := fstest.MapFS{"amd64": header(elf.EM_X86_64), "arm64": header(elf.EM_AARCH64), "riscv": header(elf.EM_RISCV)}
	for _, c := range []struct {
		arch, program, library string
		ok                     bool
	}{
		{"amd64", "", "/amd64", true}, {"amd64", "", "/arm64", false}, {"amd64", "", "/riscv", false},
		{"arm64", "", "/arm64", true}, {"arm64", "", "/amd64", false},
		{"amd64", "/arm64", "/arm64", true}, {"amd64", "/arm64", "/amd64", false},
	} {
		ck := &check{Machine: Machine{Root: fsys, Dir: "/", Arch: c.arch}, rt: Runtime{Path: c.program}}
		assert.Equal(t, c.ok, ck.library(c.library) == nil, "%+v", c)
	}
}

// FuzzLibrary looks at hostile files: whatever they claim, graft comes to an end.
func FuzzLibrary(f *testing.F) {
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(f, err)
	f.Add(self[:4096])
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &check{Machine: Machine{Root: fstest.MapFS{"lib.so": {Data: data, Mode: 0o644}}, Dir: "/", Arch: "amd64"}}
		_ = c.library("/lib.so")
	})
}

// TestGrammarsAreDocumented holds the package comment to the table.
func TestGrammarsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for name := range grammars {
		assert.Regexp(t, `\b`+name+`\b`, string(doc))
	}
}
