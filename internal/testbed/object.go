package testbed

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Object is the least that is a native file for a processor: its header and, with
// interp, the name of its dynamic linker. A library is elf.ET_DYN without interp.
func Object(kind elf.Type, machine elf.Machine, interp string) []byte {
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(kind), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64,
	}
	if interp != "" {
		h.Phoff, h.Phentsize, h.Phnum = 64, 56, 1
	}
	var out bytes.Buffer
	_ = binary.Write(&out, binary.LittleEndian, h)
	if interp != "" {
		size := uint64(len(interp) + 1)
		_ = binary.Write(&out, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: size, Memsz: size})
		out.WriteString(interp + "\x00")
	}
	return out.Bytes()
}
