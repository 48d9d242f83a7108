package main

import (
	"errors"

	"golang.org/x/sys/unix"
)

// harden keeps the memory of this process, with the values in it, out of core
// files, and from other processes that are not root's.
func harden() error {
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0),
	)
}
