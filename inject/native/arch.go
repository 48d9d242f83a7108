package native

import "debug/elf"

// Arch returns Go's name of a processor; empty if Lambda has none such.
func Arch(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	}
	return ""
}

// Machine returns the processor of an architecture as Go names it; EM_NONE if
// Lambda has none such.
func Machine(arch string) elf.Machine {
	switch arch {
	case "amd64":
		return elf.EM_X86_64
	case "arm64":
		return elf.EM_AARCH64
	}
	return elf.EM_NONE
}

// FromLambda returns Go's name of an architecture that has this name on Lambda;
// empty if none has.
func FromLambda(name string) string {
	switch name {
	case "x86_64":
		return "amd64"
	case "arm64":
		return name
	}
	return ""
}

// ArchName returns the name of a processor as Lambda has it.
func ArchName(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "x86_64"
	case elf.EM_AARCH64:
		return "arm64"
	}
	return m.String()
}
