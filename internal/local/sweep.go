//go:build linux

package local

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// A namespace is the mount namespace of a stage. It is held open, because
// the kernel would give its number to the next one as soon as nobody is in it.
type namespace struct {
	file     *os.File
	dev, ino uint64
}

// namespaceOf returns the namespace that the process pid is in.
func namespaceOf(pid int) (*namespace, error) {
	file, err := os.Open(namespacePath(pid))
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		file.Close()
		return nil, err
	}
	return &namespace{file: file, dev: st.Dev, ino: st.Ino}, nil
}

// sweep kills every process in the namespace but the keeper: also those that
// left their process group and were adopted by somebody else.
func (n *namespace) sweep(keeper int) {
	// Each round sees what was forked behind the back of the one before.
	for range 100 {
		found := false
		for _, pid := range n.others(keeper) {
			if n.end(pid) {
				found = true
			}
		}
		if !found {
			return
		}
	}
}

// end kills the process pid if it is in the namespace, waits for its end, and
// tells whether it was there. A process that has ended is in no namespace.
func (n *namespace) end(pid int) bool {
	if !n.has(pid) {
		return false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	// Again, now that the descriptor keeps the id from meaning another process.
	if !n.has(pid) {
		return false
	}
	if unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
	}
	return true
}

func (n *namespace) has(pid int) bool {
	var st unix.Stat_t
	err := unix.Stat(namespacePath(pid), &st)
	return err == nil && st.Dev == n.dev && st.Ino == n.ino
}

func (n *namespace) close() { _ = n.file.Close() }

func namespacePath(pid int) string {
	return "/proc/" + strconv.Itoa(pid) + "/ns/mnt"
}
