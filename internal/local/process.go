//go:build linux

package local

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// stopGrace is what Lambda gives the runtime between SIGTERM and SIGKILL.
	stopGrace = 600 * time.Millisecond
	// killBound is how long a killed process may take to vanish.
	killBound = 5 * time.Second
)

// A process is a running function and all that it started.
type process struct {
	pid  int
	done chan struct{}
	exit Exit // valid once done is closed

	mu     sync.Mutex
	reaped bool // the process id may belong to somebody else
}

// startProcess starts the prepared function f with the environment env and
// returns once its command runs.
func startProcess(f Function, env []string) (*process, error) {
	if !mainCalled.Load() {
		return nil, errNoMain
	}
	attr, err := attributes(f)
	if err != nil {
		return nil, err
	}
	jobR, jobW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer jobW.Close()
	reportR, reportW, err := os.Pipe()
	if err != nil {
		jobR.Close()
		return nil, err
	}
	defer reportR.Close()

	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{helperName, strconv.Itoa(3 + len(f.Files))}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = f.Stdout, f.Stderr
	cmd.ExtraFiles = append(append([]*os.File{}, f.Files...), jobR, reportW)
	cmd.SysProcAttr = attr
	cmd.WaitDelay = killBound

	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go p.keep(cmd, started)
	err = <-started
	jobR.Close()
	reportW.Close()
	if err != nil {
		if p.pid != 0 {
			_ = p.kill()
		}
		return nil, notAllowed(err)
	}
	j := job{
		Parent: os.Getpid(),
		Layers: f.Layers, Code: f.Code, Mounts: f.Mounts,
		Tmp: f.Tmp, TmpSize: f.TmpSize, TmpReadOnly: f.TmpReadOnly,
		Scratch: os.TempDir(),
		UID:     f.UID, GID: f.GID,
		Dir: f.Dir, Command: f.Command, Env: env, Managed: f.Managed,
		CloseStdin: f.CloseStdin, CloseStderr: f.CloseStderr,
	}
	// An error here is an early end of the child, which the report tells better.
	_ = gob.NewEncoder(jobW).Encode(j)
	jobW.Close()
	var failure setupError
	switch err := gob.NewDecoder(reportR).Decode(&failure); {
	case errors.Is(err, io.EOF):
		return p, nil // exec closed the pipe
	case err != nil:
		err = fmt.Errorf("start: %w", err)
		p.signal(unix.SIGKILL)
		<-p.done
		return nil, err
	}
	<-p.done
	if failure.Step == stepMount && failure.Path == firstMount {
		// A user namespace without rights, as AppArmor makes them.
		return nil, notAllowed(&failure)
	}
	return nil, &failure
}

// keep starts cmd, says so on started, and stays until everything that came
// of it has ended.
func (p *process) keep(cmd *exec.Cmd, started chan<- error) {
	// The kernel sends the parent-death signal when the thread that started
	// the child ends, so this one must outlive it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = cmd.Process.Pid
	// The child waits for its job, so it is still there to be looked at.
	namespace, err := namespaceOf(p.pid)
	started <- err

	var info unix.Siginfo
	for unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	// Not reaped yet: the process id, and the group's, is still ours.
	p.signal(unix.SIGKILL)
	if namespace != nil {
		namespace.sweep()
		namespace.close()
	}
	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
	_ = cmd.Wait()
	p.exit = Exit{Code: cmd.ProcessState.ExitCode()}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		p.exit.Signal = status.Signal()
	}
	close(p.done)
}

// signal sends sig to the process and its group.
func (p *process) signal(sig unix.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = unix.Kill(-p.pid, sig)
	}
}

// stop ends the process: SIGTERM, and SIGKILL when grace or ctx is over.
func (p *process) stop(ctx context.Context, grace time.Duration) error {
	p.signal(unix.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return p.kill()
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() error {
	p.signal(unix.SIGKILL)
	timer := time.NewTimer(killBound)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("process %d: still there %v after SIGKILL", p.pid, killBound)
	}
}
