// Package native reads what the dynamic linker would read of an ELF file: for
// which processor and which C library it is, and what else it needs.
//
// Files are not trusted: what is read of one is bounded, whatever it claims.
package native

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// An Object is what counts of an ELF file: a program or a shared library.
type Object struct {
	// Type is the kind of file: a program is ET_EXEC or ET_DYN, a library
	// ET_DYN.
	Type    elf.Type
	Machine elf.Machine
	// Libc is "glibc" or "musl"; empty if the file does not say.
	Libc string
	// Needed are the libraries that it names; Runpath is where it says that
	// they are.
	Needed  []string
	Runpath []string
	// Interp is the program's dynamic linker; empty for a library or a static
	// program.
	Interp string
	// Soname is what a library calls itself; usually empty for a program.
	Soname string
}

// Bounds for what a hostile file can make us read.
const (
	maxSegments = 256
	maxDynamic  = 64 << 10 // bytes
	maxString   = 4096     // bytes: the longest path
)

// ErrNoELF says that a file is no ELF file, or a broken one.
var ErrNoELF = errors.New("is no ELF file")

// Read reads the segments, as the dynamic linker does. Sections, which
// debug/elf goes by, may be missing, and compressed ones unpack without bound.
func Read(r io.ReaderAt) (Object, error) {
	var h elf.Header64
	if err := readStruct(r, 0, &h); err != nil || string(h.Ident[:4]) != elf.ELFMAG || elf.Data(h.Ident[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return Object{}, ErrNoELF
	}
	o := Object{Type: elf.Type(h.Type), Machine: elf.Machine(h.Machine)}
	if elf.Class(h.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 {
		// Lambda's processors have 64 bits: the machine says it all.
		return o, nil
	}
	if h.Phnum > maxSegments || h.Phnum > 0 && h.Phentsize != uint16(binary.Size(elf.Prog64{})) {
		return Object{}, ErrNoELF
	}
	segments := make([]elf.Prog64, h.Phnum)
	if err := readStruct(r, h.Phoff, segments); err != nil {
		return Object{}, ErrNoELF
	}
	for _, s := range segments {
		switch elf.ProgType(s.Type) {
		case elf.PT_INTERP:
			o.Interp = readString(r, s.Off)
		case elf.PT_DYNAMIC:
			entries := make([]elf.Dyn64, min(s.Filesz, maxDynamic)/uint64(binary.Size(elf.Dyn64{})))
			if err := readStruct(r, s.Off, entries); err != nil {
				return Object{}, ErrNoELF
			}
			o.readDynamic(r, entries, segments)
		}
	}
	o.Libc = libcOf(o)
	return o, nil
}

// readDynamic takes the strings that count out of the dynamic segment.
func (o *Object) readDynamic(r io.ReaderAt, entries []elf.Dyn64, segments []elf.Prog64) {
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
			o.Needed = append(o.Needed, at(e.Val))
		case elf.DT_SONAME:
			o.Soname = at(e.Val)
		case elf.DT_RUNPATH, elf.DT_RPATH:
			o.Runpath = append(o.Runpath, strings.Split(at(e.Val), ":")...)
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
func libcOf(o Object) string {
	if strings.Contains(o.Interp, "ld-musl") {
		return "musl"
	}
	if o.Interp != "" {
		return "glibc"
	}
	for _, need := range o.Needed {
		switch {
		case strings.HasPrefix(need, "libc.musl"), need == "libc.so", strings.HasPrefix(need, "ld-musl"):
			return "musl"
		case strings.HasPrefix(need, "libc.so."), strings.HasPrefix(need, "ld-linux"):
			return "glibc"
		}
	}
	return ""
}
