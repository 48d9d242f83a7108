//go:build linux

package local

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A stage is the mount namespace in which the processes of an environment
// live, and its keeper: a copy of this program that made the namespace and
// starts them in it. (This program could not: a process with several threads
// does not get into a user namespace.) It outlives a reset, and so does what
// was written to its /tmp.
type stage struct {
	function   Function
	extensions []string // the names in /opt/extensions, in lexical order
	keeper     int      // process id
	conn       *net.UnixConn
	namespace  *namespace
	cgroup     atomic.Pointer[cgroup] // nil: it is frozen by signals
	frozen     atomic.Bool            // so that thaw has something to do
	gone       chan struct{}          // closed when the keeper has ended

	starting sync.Mutex // held by the one start that waits for its reply
	replies  chan message
	starts   *process // the process that it is about

	mu        sync.Mutex
	processes map[int]*process // those that have not ended
	outputs   []*output        // those that may not be complete
}

// openStage makes the namespace of the prepared function f. Hosts is the file
// that it sees as /etc/hosts; "" is the machine's.
func openStage(f Function, hosts string) (*stage, error) {
	if !mainCalled.Load() {
		return nil, errNoMain
	}
	group, atEnd := (*cgroup)(nil), unix.SIGKILL
	if f.Freeze || f.InitType == SnapStart {
		if group = newCgroup(f.freezers); group != nil {
			atEnd = 0
		}
	}
	s, err := newStage(f, hosts, group, atEnd)
	if err != nil && group != nil {
		group.remove()
	}
	return s, err
}

// newStage makes a stage that is frozen by the group, if that is not nil, and
// whose keeper gets the signal atEnd when this program ends.
func newStage(f Function, hosts string, group *cgroup, atEnd syscall.Signal) (*stage, error) {
	attr, err := attributes(f, atEnd)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{helperName, keeperRole}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = attr
	s := &stage{
		function: f, conn: ours, gone: make(chan struct{}),
		replies: make(chan message), processes: make(map[int]*process),
	}
	s.cgroup.Store(group)
	started := make(chan error)
	go s.keep(cmd, started)
	err = <-started
	theirs.Close()
	if err != nil {
		if s.keeper != 0 {
			_ = unix.Kill(s.keeper, unix.SIGKILL)
		}
		ours.Close()
		return nil, notAllowed(err)
	}
	if err := s.setUp(hosts); err != nil {
		return nil, errors.Join(err, s.close())
	}
	go s.listen()
	return s, nil
}

// keep starts the keeper, says so on started, and stays until it has ended.
func (s *stage) keep(cmd *exec.Cmd, started chan<- error) {
	defer close(s.gone)
	// The kernel sends the parent-death signal when the thread that started
	// the child ends, so this one must outlive it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	s.keeper = cmd.Process.Pid
	var err error
	// The keeper waits for its job, so it is still there to be looked at.
	s.namespace, err = namespaceOf(s.keeper)
	started <- err
	_ = cmd.Wait()
}

// setUp has the keeper make the file system.
func (s *stage) setUp(hosts string) error {
	f := s.function
	j := job{
		Parent: os.Getpid(),
		Layers: f.Layers, Code: f.Code, Mounts: f.Mounts,
		Tmp: f.Tmp, TmpSize: f.TmpSize, TmpReadOnly: f.TmpReadOnly,
		Scratch: os.TempDir(), Hosts: hosts,
	}
	if c := s.cgroup.Load(); c != nil {
		j.Cgroup = c.dir
		j.Freezer = slices.IndexFunc(freezers, func(f freezer) bool { return f.fstype == c.fstype })
	}
	if err := send(s.conn, message{Kind: setUp, Job: j}); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	m, err := receive(s.conn)
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	if failure := m.Failure; failure != nil {
		if failure.Step == stepMount && failure.Path == firstMount {
			// A user namespace without rights, as AppArmor makes them.
			return notAllowed(failure)
		}
		return failure
	}
	s.extensions = m.Extensions
	return nil
}

// close ends everything on the stage, and the stage.
func (s *stage) close() error {
	err := s.clear()
	// It ends when nobody asks any more.
	s.conn.Close()
	<-s.gone
	s.namespace.close()
	if c := s.cgroup.Load(); c != nil {
		c.remove() // if its keeper was killed
	}
	return err
}
