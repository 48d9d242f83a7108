//go:build linux

package local

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// keeperRole is argv[1] of a keeper; that of a process-to-be is a number.
	keeperRole = "keeper"
	// keeperSocket is its descriptor to the program that started it.
	keeperSocket = 3
)

// keepStage is the keeper: it makes the file system, starts processes on
// request and tells of their end. It returns when nobody asks any more.
func keepStage() {
	if err := closeOnExec(keeperSocket); err != nil {
		return
	}
	m, _, err := hear()
	if err != nil {
		return
	}
	if m.Job.Cgroup != "" {
		// Not to be killed: it ends when the parent does, but not before this.
		defer (&cgroup{freezers[m.Job.Freezer], m.Job.Cgroup}).clear()
	} else if err := m.Job.dieWithParent(); err != nil {
		tell(message{Kind: setUp, Failure: setupFailure(stepUser, "parent-death signal", err)})
		return
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = enter(newView(&m.Job), m.Job.Scratch, m.Job.Hosts)
	}
	var names []string
	if err == nil {
		names, err = listExtensions(extensionsDir)
	}
	if err != nil {
		tell(message{Kind: setUp, Failure: setupFailure(stepMount, "", err)})
		return
	}
	tell(message{Kind: setUp, Extensions: names})
	for {
		m, descriptors, err := hear()
		if err != nil {
			return
		}
		switch m.Kind {
		case startProcess:
			start(null, descriptors)
		case reap:
			var status syscall.WaitStatus
			for {
				if _, err := syscall.Wait4(m.PID, &status, 0, nil); err != syscall.EINTR {
					break
				}
			}
			exit := Exit{Code: status.ExitStatus()}
			if status.Signaled() {
				exit = Exit{Code: -1, Signal: status.Signal()}
			}
			tell(message{Kind: reap, PID: m.PID, Exit: exit})
		}
	}
}

// start starts the third copy of this program, which becomes the process. The
// descriptors are those of standard output and error, then those that the
// process inherits, then its job and its report.
func start(null int, descriptors []int) {
	files := []uintptr{uintptr(null)}
	for _, fd := range descriptors {
		files = append(files, uintptr(fd))
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{helperName, strconv.Itoa(len(files) - 2)}, &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: files,
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL},
	})
	for _, fd := range descriptors {
		_ = unix.Close(fd)
	}
	if err != nil {
		tell(message{Kind: startProcess, Failure: setupFailure(stepExec, "/proc/self/exe", err)})
		return
	}
	tell(message{Kind: startProcess, PID: pid})
	go func() {
		for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
		// Not reaped yet: the process id, and the group's, is still its own.
		_ = unix.Kill(-pid, unix.SIGKILL)
		tell(message{Kind: ended, PID: pid})
	}()
}

// listExtensions returns the names in dir that Lambda would start, in lexical
// order: all but folders. No more are told than are too many already.
func listExtensions(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() && len(names) <= maxAgents {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// closeOnExec keeps all descriptors from first on from the processes, also
// what this program itself inherited without wanting it.
func closeOnExec(first int) error {
	return unix.CloseRange(uint(first), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}

// tell writes to the program that started the keeper. If that is gone the
// kernel ends the keeper too.
func tell(m message) { _ = unix.Send(keeperSocket, m.encode(), 0) }

// hear reads a request and the descriptors that came with it.
func hear() (message, []int, error) {
	b, rights := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(253*4))
	var n, r int
	var err error
	for {
		n, r, _, _, err = unix.Recvmsg(keeperSocket, b, rights, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return message{}, nil, err
	}
	var descriptors []int
	controls, err := unix.ParseSocketControlMessage(rights[:r])
	if err != nil {
		return message{}, nil, err
	}
	for i := range controls {
		if fds, err := unix.ParseUnixRights(&controls[i]); err == nil {
			descriptors = append(descriptors, fds...)
		}
	}
	m, err := decode(b[:n])
	return m, descriptors, err
}
