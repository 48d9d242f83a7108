package inject

import (
	"debug/elf"
	"io"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/native"
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
		return err
	}
	if want := c.machine(); lib.Machine != want {
		return faultf(file, WrongArch, "is for %s, this is %s", native.ArchName(lib.Machine), native.ArchName(want))
	}
	libc := c.libc()
	if lib.Libc != "" && libc != "" && lib.Libc != libc {
		return faultf(file, WrongLibc, "is for %s, the runtime is for %s", lib.Libc, libc)
	}
	for _, need := range lib.Needed {
		if hasAnyPrefix(need, "ld-linux", "ld-musl", "libc.") {
			continue
		}
		found := c.findLibrary(need, c.searchPath(lib, file))
		if found == "" {
			return faultf(file, OtherReason, "needs %s, which is in none of its folders", need)
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
	return faultf(name, NotFound, "no such library beside the runtime or in LD_LIBRARY_PATH")
}

// readELF reads what counts of a native file.
func (m Machine) readELF(file string) (native.Object, error) {
	f, err := m.open(file)
	if err != nil {
		return native.Object{}, err
	}
	defer f.Close()
	r, ok := f.(io.ReaderAt)
	if !ok {
		return native.Object{}, faultf(file, OtherReason, "cannot be read at an offset")
	}
	lib, err := native.Read(r)
	if err != nil {
		return lib, faultf(file, OtherReason, "%v", err)
	}
	return lib, nil
}

// libc is the C library of the runtime's program; empty if that is unknown or
// the program is static.
func (c *check) libc() string {
	program, err := c.readELF(c.rt.Path)
	if err != nil {
		return ""
	}
	return program.Libc
}

// machine is the processor of the runtime's program.
func (c *check) machine() elf.Machine {
	if program, err := c.readELF(c.rt.Path); err == nil {
		return program.Machine
	}
	if c.Arch == "arm64" {
		return elf.EM_AARCH64
	}
	return elf.EM_X86_64
}

// searchPath lists the folders in which the linker looks for what lib needs.
func (c *check) searchPath(lib native.Object, file string) []string {
	var dirs []string
	for _, dir := range lib.Runpath {
		dir = strings.NewReplacer("${ORIGIN}", path.Dir(file), "$ORIGIN", path.Dir(file)).Replace(dir)
		dirs = append(dirs, dir)
	}
	triple := map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}[lib.Machine]
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
		if lib, err := c.readELF(file); err == nil && lib.Machine == want {
			return file
		}
	}
	return ""
}
