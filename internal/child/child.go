// Package child is what the wrapper and the companion need of processes that
// they fork by hand.
package child

import (
	"errors"
	"syscall"
)

// Reap waits for the end of a child.
func Reap(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// MaxEntry is the longest argument or variable, in bytes with its name, that
// execve(2) takes: MAX_ARG_STRLEN of Linux's binfmts.h, less the NUL at its end.
func MaxEntry() int { return 32*syscall.Getpagesize() - 1 }
