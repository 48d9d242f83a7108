// Package supervise keeps programs running: it starts them, waits until they
// are ready, starts them again when they end, passes on what they print, and
// stops them with all that they have started.
//
// # Promises
//
// Each program leads a process group of its own, and the kernel kills it when
// this process dies. What it leaves behind in its group ends with it. Its
// output costs a fixed amount of memory, whatever it prints. Nothing that a
// program does ends this process.
//
// A descendant that leaves the group (setsid) is out of reach.
package supervise

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/guard"
)

// A Program is what is to be kept running.
type Program struct {
	// Name stands before each line that it prints.
	Name string
	// Argv is the command line; the program is looked for on PATH.
	Argv []string
	// Env is its whole environment.
	Env []string
	// Ready is how one sees that it is ready. With [fragment.ReadyExit] it is
	// done when it has ended with status 0, and is not started again.
	Ready fragment.Ready
	// Timeout is how long [Supervisor.Start] waits for that.
	Timeout time.Duration
}

// A Supervisor runs programs. The zero value is not usable; see [New].
type Supervisor struct {
	stdout, stderr *lineWriter
	say            func(format string, args ...any)
	pace           pace
	// steady is how long a life is that went well: the next pause is short again.
	steady time.Duration

	forks   chan func()
	stop    context.Context
	stopped context.CancelFunc
	grace   context.Context // ends when SIGTERM has had its time
	kill    context.CancelFunc
	running sync.WaitGroup
}

// New returns a supervisor that passes the programs' output on to stdout and
// stderr, each line in one write, and says in one line what becomes of them.
// say may be called from several goroutines.
func New(stdout, stderr io.Writer, say func(format string, args ...any)) *Supervisor {
	s := &Supervisor{
		stdout: &lineWriter{w: stdout}, stderr: &lineWriter{w: stderr}, say: say,
		pace:   pace{first: 100 * time.Millisecond, most: 10 * time.Second},
		steady: 10 * time.Second,
		forks:  make(chan func()),
	}
	s.grace, s.kill = context.WithCancel(context.Background())
	s.stop, s.stopped = context.WithCancel(context.Background())
	go s.forkThread()
	return s
}

// forkThread is the one that starts processes. The parent-death signal comes
// when the thread that forked ends, not the process, so this one never ends.
func (s *Supervisor) forkThread() {
	runtime.LockOSThread()
	for f := range s.forks {
		f()
	}
}

// onForkThread calls f there and waits for it.
func (s *Supervisor) onForkThread(f func() error) error {
	result := make(chan error, 1)
	s.forks <- func() { result <- guard.Call(f) }
	return <-result
}

// Start starts the programs, all at once, and returns when each is ready, has
// had its time, or cannot be started at all. It is called once.
func (s *Supervisor) Start(programs []Program) {
	var gates sync.WaitGroup
	for _, p := range programs {
		r := newRun(s, p)
		s.running.Go(func() { s.survive(p.Name, r.keep) })
		gates.Go(func() { s.survive(p.Name, r.awaitReady) })
	}
	gates.Wait()
}

// Stop sends SIGTERM to every program's group, waits until the groups are gone
// or grace is over, and kills what is left. It returns within little more than
// grace, and no program is started any more.
func (s *Supervisor) Stop(grace time.Duration) {
	s.stopped()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = guard.Call(func() error { s.running.Wait(); return nil })
	}()
	select {
	case <-gone:
		return
	case <-time.After(grace):
	}
	s.kill()
	select {
	case <-gone:
	case <-time.After(lastWait):
		// A process that not even SIGKILL ends at once.
	}
}

// lastWait is how long what was killed has to be gone.
const lastWait = 150 * time.Millisecond

// survive calls f, and says so if that panics.
func (s *Supervisor) survive(name string, f func()) {
	if err := guard.Call(func() error { f(); return nil }); err != nil {
		s.say("%s: %v", name, err)
	}
}
