package local

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// freezeBound is how long a process may take to stop.
const freezeBound = 5 * time.Second

// freeze stops every process on the stage but its keeper.
func (s *stage) freeze() error {
	s.frozen.Store(true)
	if c := s.cgroup.Load(); c != nil {
		err := c.stop(func() []int { return s.namespace.others(s.keeper) })
		if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
			return err
		}
		// There is one, but what runs cannot be moved to it.
		c.resume()
		s.cgroup.Store(nil)
	}
	for bound := time.Now().Add(freezeBound); ; {
		// Each round sees what was forked behind the back of the one before.
		if s.namespace.signalAll(s.keeper, unix.SIGSTOP, stopped) {
			return nil
		}
		if time.Now().After(bound) {
			return errStillRunning
		}
		time.Sleep(time.Millisecond)
	}
}

var errStillRunning = errors.New("freeze: processes that do not stop")

// thaw lets them go on. It does nothing if they do.
func (s *stage) thaw() {
	if !s.frozen.Swap(false) {
		return
	}
	if c := s.cgroup.Load(); c != nil {
		c.resume()
		return
	}
	s.namespace.signalAll(s.keeper, unix.SIGCONT, func(int) bool { return false })
}

// others returns all processes in the namespace but the keeper.
func (n *namespace) others(keeper int) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != keeper && n.has(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// signalAll sends sig to every process in the namespace but the keeper, except
// to those for which it is not needed; it tells whether that was all of them.
func (n *namespace) signalAll(keeper int, sig unix.Signal, needless func(pid int) bool) bool {
	all := true
	for _, pid := range n.others(keeper) {
		if needless(pid) {
			continue
		}
		all = false
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		// Again, now that the descriptor keeps the id from meaning another process.
		if n.has(pid) {
			_ = unix.PidfdSendSignal(fd, sig, nil, 0)
		}
		_ = unix.Close(fd)
	}
	return all
}

// stopped tells whether the process is stopped, or has ended.
func stopped(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	// The name before it may hold anything.
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	return len(after) > 1 && bytes.IndexByte([]byte("TtZX"), after[1]) >= 0
}
