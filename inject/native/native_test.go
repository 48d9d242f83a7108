package native_test

import (
	"bytes"
	"debug/elf"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/native"
)

// TestRead reads this very program.
func TestRead(t *testing.T) {
	f, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer f.Close()
	o, err := native.Read(f)
	require.NoError(t, err)
	assert.Equal(t, runtime.GOARCH == "amd64", o.Machine == elf.EM_X86_64)
	assert.Contains(t, []elf.Type{elf.ET_EXEC, elf.ET_DYN}, o.Type)
	assert.Empty(t, o.Soname)

	_, err = native.Read(bytes.NewReader([]byte("#!/bin/sh\n")))
	assert.Equal(t, native.ErrNoELF, err)
}

// FuzzRead reads hostile files: whatever they claim, little of them is read.
func FuzzRead(f *testing.F) {
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(f, err)
	f.Add(self[:4096])
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := native.Read(bytes.NewReader(data))
		if err == nil {
			assert.LessOrEqual(t, len(o.Needed), 4096)
			assert.LessOrEqual(t, len(o.Interp), 4096)
		}
	})
}
