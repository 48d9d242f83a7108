package native_test

import (
	"debug/elf"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/inject/native"
)

func TestArch(t *testing.T) {
	for _, c := range []struct {
		machine      elf.Machine
		arch, lambda string
	}{{elf.EM_X86_64, "amd64", "x86_64"}, {elf.EM_AARCH64, "arm64", "arm64"}} {
		assert.Equal(t, c.arch, native.Arch(c.machine))
		assert.Equal(t, c.lambda, native.ArchName(c.machine))
		assert.Equal(t, c.machine, native.Machine(c.arch))
		assert.Equal(t, c.arch, native.FromLambda(c.lambda))
	}
	assert.Empty(t, native.Arch(elf.EM_RISCV))
	assert.Equal(t, "EM_RISCV", native.ArchName(elf.EM_RISCV))
	assert.Zero(t, native.Machine("riscv64"))
	assert.Empty(t, native.FromLambda("amd64"))
}
