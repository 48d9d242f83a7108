package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A run is a program under supervision.
type run struct {
	*Supervisor
	Program
	before os.FileInfo // what stood at the path of fragment.ReadyFile

	// settled is closed when there is nothing more to wait for: the program has
	// ended with status 0, where that is the sign, or cannot be started.
	settled chan struct{}
	settle  func()
}

func newRun(s *Supervisor, p Program) *run {
	r := &run{Supervisor: s, Program: p, settled: make(chan struct{})}
	r.settle = sync.OnceFunc(func() { close(r.settled) })
	if p.Ready.By == fragment.ReadyFile {
		r.before, _ = os.Stat(p.Ready.Target)
	}
	return r
}

// keep starts the program again and again until the supervisor stops.
func (r *run) keep() {
	wait, failures := r.pace, 0
	for r.stop.Err() == nil {
		began := time.Now()
		err := r.live()
		if r.stop.Err() != nil || err == nil && r.Ready.By == fragment.ReadyExit {
			return
		}
		if time.Since(began) > r.steady {
			wait, failures = r.pace, 0
		}
		failures++
		delay := wait.next()
		if worthALine(failures) {
			r.say("%s: %s: starting it again in %v", r.Name, describe(err), delay)
		}
		select {
		case <-time.After(delay):
		case <-r.stop.Done():
		}
	}
}

// live is one life of the program, from its start until its group is gone.
func (r *run) live() error {
	cmd := exec.Command(r.Argv[0], r.Argv[1:]...)
	cmd.Env = r.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := r.attach(cmd)
	if err != nil {
		return err
	}
	err = r.onForkThread(cmd.Start)
	out.started()
	if err != nil {
		out.close(0)
		if !passing(err) {
			r.settle()
		}
		return err
	}
	g := watchGroup(cmd.Process.Pid)
	select {
	case <-g.exited:
		if g.clean && r.Ready.By == fragment.ReadyExit {
			// What it has left running, a daemon say, stays until the end.
			r.settle()
			<-r.stop.Done()
			r.end(g)
		}
	case <-r.stop.Done():
		r.end(g)
	}
	g.signal(syscall.SIGKILL)
	err = cmd.Wait()
	out.close(leftover)
	return err
}

// end asks the group to end, and kills it when the grace is over.
func (r *run) end(g *group) {
	g.signal(syscall.SIGTERM)
	// A process that is stopped cannot act on it.
	g.signal(syscall.SIGCONT)
	tick := time.NewTicker(groupPoll)
	defer tick.Stop()
	for over := false; !over && !g.gone(); {
		select {
		case <-tick.C:
		case <-r.grace.Done():
			over = true
		}
	}
	g.signal(syscall.SIGKILL)
	for range lastWait / groupPoll {
		if g.gone() {
			return
		}
		<-tick.C
	}
}

const (
	// groupPoll is how often a group is looked at that is to end.
	groupPoll = 5 * time.Millisecond
	// leftover is how long the output of a program that has ended is waited
	// for: a process that left the group may hold the pipe.
	leftover = 100 * time.Millisecond
)

// passing reports whether a start may go well the next time.
func passing(err error) bool {
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM, syscall.ETXTBSY} {
		if errors.Is(err, lack) {
			return true
		}
	}
	return false
}

// describe says how a program ended.
func describe(err error) string {
	var status *exec.ExitError
	switch {
	case err == nil:
		return "ended"
	case errors.As(err, &status):
		return fmt.Sprintf("ended: %v", status)
	}
	return err.Error()
}

// worthALine keeps a program that ends for ever from filling the log: the
// first, second, fourth, eighth … end is said.
func worthALine(n int) bool { return n&(n-1) == 0 }
