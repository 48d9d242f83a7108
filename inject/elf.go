package inject

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A native library that does not fit ends its process (LD_PRELOAD of a musl
// library in a glibc program: exit status 127) or is silently left out (a .NET
// profiler). So it is looked at as the dynamic linker would.

// library reports why the shared library file cannot be loaded into the
// runtime, with all that it needs.
func (c *check) library(file string) error {
	if err := c.loadable(file); err != nil {
		return err
	}
	return c.loadsLibrary(file, make(map[string]bool))
}

// maxLibraries bounds how many libraries one may need in all.
const maxLibraries = 256

func (c *check) loadsLibrary(file string, seen map[string]bool) error {
	seen[file] = true
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
		if hasAnyPrefix(need, "ld-linux", "ld-musl", "libc.") {
			continue
		}
		found := c.findLibrary(need, c.searchPath(lib, file))
		if found == "" {
			return fmt.Errorf("%s: needs %s, which is in none of its folders", file, need)
		}
		if seen[found] || len(seen) >= maxLibraries {
			continue
		}
		if err := c.loadsLibrary(found, seen); err != nil {
			return err
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

// Bounds for what a hostile file can make graft read.
const (
	maxSegments = 256
	maxDynamic  = 64 << 10 // bytes
	maxString   = 4096     // bytes: the longest path
)

var errNoELF = errors.New("is no ELF file")

// readELF reads what the dynamic linker would: the segments. Sections, which
// debug/elf goes by, may be missing, and compressed ones unpack without bound.
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
	var h elf.Header64
	if err := readStruct(r, 0, &h); err != nil || string(h.Ident[:4]) != elf.ELFMAG || elf.Data(h.Ident[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return native{}, errNoELF
	}
	n := native{machine: elf.Machine(h.Machine)}
	if elf.Class(h.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 {
		// Lambda's processors have 64 bits: the machine says it all.
		return n, nil
	}
	if h.Phnum > maxSegments || h.Phnum > 0 && h.Phentsize != uint16(binary.Size(elf.Prog64{})) {
		return native{}, errNoELF
	}
	segments := make([]elf.Prog64, h.Phnum)
	if err := readStruct(r, h.Phoff, segments); err != nil {
		return native{}, errNoELF
	}
	for _, s := range segments {
		switch elf.ProgType(s.Type) {
		case elf.PT_INTERP:
			n.interp = readString(r, s.Off)
		case elf.PT_DYNAMIC:
			entries := make([]elf.Dyn64, min(s.Filesz, maxDynamic)/uint64(binary.Size(elf.Dyn64{})))
			if err := readStruct(r, s.Off, entries); err != nil {
				return native{}, errNoELF
			}
			n.readDynamic(r, entries, segments)
		}
	}
	n.libc = libcOf(n)
	return n, nil
}

// readDynamic takes the strings that count out of the dynamic segment.
func (n *native) readDynamic(r io.ReaderAt, entries []elf.Dyn64, segments []elf.Prog64) {
	var table uint64
	for _, e := range entries {
		if elf.DynTag(e.Tag) == elf.DT_STRTAB {
			table = e.Val
		}
	}
	at := func(offset uint64) string {
		for _, s := range segments {
			if address := table + offset; elf.ProgType(s.Type) == elf.PT_LOAD && address >= s.Vaddr && address-s.Vaddr < s.Filesz {
				return readString(r, s.Off+address-s.Vaddr)
			}
		}
		return ""
	}
	for _, e := range entries {
		switch elf.DynTag(e.Tag) {
		case elf.DT_NULL:
			return
		case elf.DT_NEEDED:
			n.needed = append(n.needed, at(e.Val))
		case elf.DT_RUNPATH, elf.DT_RPATH:
			n.runpath = append(n.runpath, strings.Split(at(e.Val), ":")...)
		}
	}
}

// readStruct reads a value of fixed size.
func readStruct(r io.ReaderAt, offset uint64, value any) error {
	return binary.Read(io.NewSectionReader(r, int64(offset), int64(binary.Size(value))), binary.LittleEndian, value)
}

// readString reads a string up to its NUL byte.
func readString(r io.ReaderAt, offset uint64) string {
	buf := make([]byte, maxString)
	n, _ := r.ReadAt(buf, int64(offset))
	text, _, _ := bytes.Cut(buf[:n], []byte{0})
	return string(text)
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
	if c.rt.Language == fragment.Java {
		// The JVM has its own libraries loaded before any agent.
		dirs = append(dirs, beside(c.rt.Path, "../lib"), beside(c.rt.Path, "../lib/server"))
	}
	return append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", "/usr/local/lib64", "/lib/"+triple, "/usr/lib/"+triple)
}

// findLibrary returns the file that the linker would take for a name; empty if
// there is none. As the linker does it passes over those of other processors.
func (c *check) findLibrary(name string, dirs []string) string {
	if path.IsAbs(name) {
		dirs, name = []string{path.Dir(name)}, path.Base(name)
	}
	want := c.machine()
	for _, dir := range dirs {
		file := path.Join(dir, name)
		if !path.IsAbs(dir) || !c.isFile(file) {
			continue
		}
		if lib, err := c.readELF(file); err == nil && lib.machine == want {
			return file
		}
	}
	return ""
}
