package managed

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/rootfs"
)

// libraries are those that every base image of Lambda's has, Amazon Linux 2
// and 2023, in /lib64.
var libraries = []string{
	"libanl.so.1", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "librt.so.1",
	"libstdc++.so.6", "libutil.so.1", "libz.so.1",
}

// jvmLibraries are a JVM's own, in /var/lang/lib.
var jvmLibraries = []string{"server/libjvm.so", "libjava.so", "libjli.so", "libnet.so", "libnio.so", "libzip.so"}

// AddFiles adds to a file system what a plan looks at of the runtime's own
// files. They are not the real ones: programs and libraries say no more than
// for which processor they are and that their C library is glibc, and of the
// versions only the name of the runtime tells.
func (r Runtime) AddFiles(f *rootfs.FS, arch string) {
	AddBase(f, arch)
	f.AddDir("/var/runtime")
	if program := r.program(); program != "" {
		f.AddFile(program, 0o755, native(arch, true))
	}
	if r.Language == fragment.Java {
		for _, name := range jvmLibraries {
			f.AddFile("/var/lang/lib/"+name, 0o755, native(arch, false))
		}
	}
}

// AddBase adds what any base image of Lambda's has.
func AddBase(f *rootfs.FS, arch string) {
	f.AddDir("/var/task")
	f.AddDir("/tmp")
	for _, name := range []string{"/bin/sh", "/bin/bash", "/usr/bin/env"} {
		f.AddFile(name, 0o755, native(arch, true))
	}
	for _, name := range libraries {
		f.AddFile("/lib64/"+name, 0o755, native(arch, false))
	}
}

// AddProgram adds a program that is found by its bare name in an environment's
// PATH, as an image has it. One that is there already, or has a path, is left
// alone.
func AddProgram(f *rootfs.FS, name, arch string, env inject.Env) {
	if name == "" || strings.Contains(name, "/") {
		return
	}
	place := ""
	for dir := range strings.SplitSeq(inject.SearchPath(env), ":") {
		if !path.IsAbs(dir) {
			continue
		}
		file := path.Join(dir, name)
		if _, err := f.Stat(fragment.Rel(file)); err == nil {
			return
		}
		place = cmp.Or(place, file)
	}
	if place != "" {
		f.AddFile(place, 0o755, native(arch, true))
	}
}

// native is the least that is an ELF file for a processor: its header and, for
// a program, the name of glibc's dynamic linker.
func native(arch string, program bool) []byte {
	machine, linker := elf.EM_X86_64, "/lib64/ld-linux-x86-64.so.2\x00"
	if arch == "arm64" {
		machine, linker = elf.EM_AARCH64, "/lib/ld-linux-aarch64.so.1\x00"
	}
	h := elf.Header64{
		Ident:   [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_DYN),
		Machine: uint16(machine),
		Version: uint32(elf.EV_CURRENT), Ehsize: 64,
	}
	var b []byte
	if !program {
		b, _ = binary.Append(b, binary.LittleEndian, h)
		return b
	}
	h.Phoff, h.Phentsize, h.Phnum = 64, 56, 1
	size := uint64(len(linker))
	b, _ = binary.Append(b, binary.LittleEndian, h)
	b, _ = binary.Append(b, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: size, Memsz: size})
	return append(b, linker...)
}
