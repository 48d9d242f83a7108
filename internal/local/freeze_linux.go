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
	for bound := time.Now().Add(freezeBound); ; {
		// Each round sees what was forked behind the back of the one before.
		if s.namespace.signalAll(s.keeper, unix.SIGSTOP, stopped) {
			return nil
		}
		if time.Now().After(bound) {
			return errors.New("freeze: processes that do not stop")
		}
		time.Sleep(time.Millisecond)
	}
}

// thaw lets them go on.
func (s *stage) thaw() {
	s.namespace.signalAll(s.keeper, unix.SIGCONT, func(int) bool { return false })
}

// signalAll sends sig to every process in the namespace but the keeper, except
// to those for which it is not needed; it tells whether that was all of them.
func (n *namespace) signalAll(keeper int, sig unix.Signal, needless func(pid int) bool) bool {
	all := true
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == keeper || !n.has(pid) || needless(pid) {
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
