package supervise

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/guard"
)

// A group is a process group. Its leader is a child of this process and not
// reaped meanwhile: so long no other group can have its number.
type group struct {
	leader int
	// exited is closed when the leader has ended; clean tells then whether it
	// did so with status 0.
	exited chan struct{}
	clean  bool
}

// watchGroup returns the group of the child leader.
func watchGroup(leader int) *group {
	g := &group{leader: leader, exited: make(chan struct{})}
	go func() {
		defer close(g.exited)
		_ = guard.Call(func() error {
			var info unix.Siginfo
			for errors.Is(unix.Waitid(unix.P_PID, leader, &info, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
			}
			child := (*childInfo)(unsafe.Pointer(&info))
			g.clean = child.code == cldExited && child.status == 0
			return nil
		})
	}()
	return g
}

// childInfo is how the kernel fills a siginfo_t about a child (64 bit).
type childInfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	status                int32
}

const cldExited = 1

// signal sends a signal to all of the group. There may be none left.
func (g *group) signal(sig syscall.Signal) {
	_ = syscall.Kill(-g.leader, sig)
}

// gone reports whether the leader has ended and nothing else of the group
// lives.
func (g *group) gone() bool {
	select {
	case <-g.exited:
		return !g.others()
	default:
		return false
	}
}

// others reports whether a process of the group is neither dead nor a zombie.
func (g *group) others() bool {
	proc, err := os.Open("/proc")
	if err != nil {
		return false
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1)
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		stat, _ := os.ReadFile("/proc/" + name + "/stat")
		// PID (NAME) STATE PARENT GROUP …; the name may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 2 && string(fields[2]) == strconv.Itoa(g.leader) && fields[0][0] != 'Z' && fields[0][0] != 'X' {
			return true
		}
	}
	return false
}
