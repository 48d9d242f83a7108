package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// silence makes standard output and standard error lead nowhere, for a library
// or a crash of the run-time to print to, and returns what standard error was.
func silence() io.Writer {
	kept, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return io.Discard
	}
	nothing, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewFile(uintptr(kept), "standard error")
	}
	_ = unix.Dup3(nothing, 1, 0)
	_ = unix.Dup3(nothing, 2, 0)
	_ = unix.Close(nothing)
	return os.NewFile(uintptr(kept), "standard error")
}
