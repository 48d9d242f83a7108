package inject

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// A native library that does not fit ends its process (LD_PRELOAD of a musl
// library in a glibc program: exit status 127) or is silently left out (a .NET
// profiler). So it is looked at as the dynamic linker would.

// library reports why the shared library file cannot be loaded into the
// runtime.
func (c *check) library(file string) error {
	if err := c.loadable(file); err != nil {
		return err
	}
	lib, err := c.readELF(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if want := c.machine(); lib.machine != want {
		return fmt.Errorf("%s: is for %s, this is %s", file, archName(lib.machine), archName(want))
	}
	libc := c.libc()
	if lib.libc != "" && libc != "" && lib.libc != libc {
		return fmt.Errorf("%s: is for %s, the runtime is for %s", file, lib.libc, libc)
	}
	for _, need := range lib.needed {
		if strings.HasPrefix(need, "ld-linux") || strings.HasPrefix(need, "ld-musl") || strings.HasPrefix(need, "libc.") {
			continue
		}
		if !c.findLibrary(need, c.searchPath(lib, file)) {
			return fmt.Errorf("%s: needs %s, which is in none of its folders", file, need)
		}
	}
	return nil
}

// libraryNamed checks a library that is looked for by its bare name.
func (c *check) libraryNamed(name string, dirs ...string) error {
	for _, dir := range append(dirs, c.folders("LD_LIBRARY_PATH")...) {
		if path.IsAbs(dir) && c.isFile(path.Join(dir, name)) {
			return c.library(path.Join(dir, name))
		}
	}
	return fmt.Errorf("%s: no such library beside the runtime or in LD_LIBRARY_PATH", name)
}

// A native is what counts of an ELF file.
type native struct {
	machine elf.Machine
	libc    string
	needed  []string
	runpath []string
	interp  string
}

var errNoELF = errors.New("is no ELF file")

func (m Machine) readELF(file string) (native, error) {
	f, err := m.open(file)
	if err != nil {
		return native{}, err
	}
	defer f.Close()
	r, ok := f.(io.ReaderAt)
	if !ok {
		return native{}, errors.New("cannot be read at an offset")
	}
	e, err := elf.NewFile(r)
	if err != nil {
		return native{}, errNoELF
	}
	n := native{machine: e.Machine}
	n.needed, _ = e.ImportedLibraries()
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, _ := e.DynString(tag)
		for _, p := range paths {
			n.runpath = append(n.runpath, strings.Split(p, ":")...)
		}
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err == nil {
				n.interp = strings.TrimRight(string(b), "\x00")
			}
		}
	}
	n.libc = libcOf(n)
	return n, nil
}

// libcOf says which C library a file wants; empty if it does not say.
func libcOf(n native) string {
	if strings.Contains(n.interp, "ld-musl") {
		return "musl"
	}
	if n.interp != "" {
		return "glibc"
	}
	for _, need := range n.needed {
		switch {
		case strings.HasPrefix(need, "libc.musl"), need == "libc.so", strings.HasPrefix(need, "ld-musl"):
			return "musl"
		case strings.HasPrefix(need, "libc.so."), strings.HasPrefix(need, "ld-linux"):
			return "glibc"
		}
	}
	return ""
}

// libc is the C library of the runtime's program; empty if that is unknown or
// the program is static.
func (c *check) libc() string {
	program, err := c.readELF(c.rt.Path)
	if err != nil {
		return ""
	}
	return program.libc
}

// machine is the processor of the runtime's program.
func (c *check) machine() elf.Machine {
	if program, err := c.readELF(c.rt.Path); err == nil {
		return program.machine
	}
	if c.Arch == "arm64" {
		return elf.EM_AARCH64
	}
	return elf.EM_X86_64
}

func archName(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "x86_64"
	case elf.EM_AARCH64:
		return "arm64"
	}
	return m.String()
}

// searchPath lists the folders in which the linker looks for what lib needs.
func (c *check) searchPath(lib native, file string) []string {
	var dirs []string
	for _, dir := range lib.runpath {
		dir = strings.NewReplacer("${ORIGIN}", path.Dir(file), "$ORIGIN", path.Dir(file)).Replace(dir)
		dirs = append(dirs, dir)
	}
	triple := map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}[lib.machine]
	dirs = append(dirs, c.folders("LD_LIBRARY_PATH")...)
	return append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", "/usr/local/lib64", "/lib/"+triple, "/usr/lib/"+triple)
}

func (c *check) findLibrary(name string, dirs []string) bool {
	if path.IsAbs(name) {
		return c.isFile(name)
	}
	for _, dir := range dirs {
		if path.IsAbs(dir) && c.isFile(path.Join(dir, name)) {
			return true
		}
	}
	return false
}
