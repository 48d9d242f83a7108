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
