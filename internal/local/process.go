//go:build linux

package local

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killBound is how long a killed process may take to vanish.
const killBound = 5 * time.Second

// drainBound is how long drain waits for a writer that blocks.
const drainBound = 200 * time.Millisecond

// A process is one that runs on a stage, in a process group of its own.
type process struct {
	pid  int
	done chan struct{}
	// Valid once done is closed.
	exit  Exit
	ended time.Time

	mu     sync.Mutex
	reaped bool // the process id may belong to somebody else
}

// start starts a process and returns once its command runs.
func (s *stage) start(sp spec) (*process, error) {
	out, err := newOutput(sp.stdout, sp.stderr, sp.each)
	if err != nil {
		return nil, err
	}
	defer out.started()
	jobR, jobW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer jobR.Close()
	defer jobW.Close()
	reportR, reportW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reportR.Close()
	defer reportW.Close()

	descriptors := []int{int(out.stdout.Fd()), int(out.stderr.Fd())}
	for _, f := range append(sp.files[:len(sp.files):len(sp.files)], jobR, reportW) {
		descriptors = append(descriptors, int(f.Fd()))
	}
	p := &process{done: make(chan struct{})}
	if err := s.request(p, descriptors); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.outputs = append(s.outputs, out)
	s.mu.Unlock()
	jobR.Close()
	reportW.Close()
	// An error here is an early end of the child, which the report tells better.
	_ = gob.NewEncoder(jobW).Encode(job{
		Parent: s.keeper,
		UID:    s.function.UID, GID: s.function.GID,
		Dir: sp.dir, Command: sp.command, Env: sp.env, Managed: sp.managed,
		CloseStdin: sp.closeStdin, CloseStderr: sp.closeStderr,
	})
	jobW.Close()
	var failure setupError
	switch err := gob.NewDecoder(reportR).Decode(&failure); {
	case errors.Is(err, io.EOF):
		return p, nil // exec closed the pipe
	case err != nil:
		p.signal(unix.SIGKILL)
		<-p.done
		return nil, fmt.Errorf("start: %w", err)
	}
	<-p.done
	return nil, &failure
}

// request has the keeper start p.
func (s *stage) request(p *process, descriptors []int) error {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	s.starts = p
	s.mu.Unlock()
	if err := send(s.conn, message{Kind: startProcess}, descriptors...); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	m, ok := <-s.replies
	if !ok {
		return errors.New("start: the keeper of the namespace is gone")
	}
	if m.Failure != nil {
		return m.Failure
	}
	return nil
}

// clear kills everything on the stage but its keeper, and waits until it is
// gone and its output complete.
func (s *stage) clear() error {
	s.thaw()
	s.namespace.sweep(s.keeper)
	s.mu.Lock()
	left, outputs := make([]*process, 0, len(s.processes)), s.outputs
	for _, p := range s.processes {
		left = append(left, p)
	}
	s.outputs = nil
	s.mu.Unlock()
	var errs []error
	for _, p := range left {
		errs = append(errs, p.kill())
	}
	for _, out := range outputs {
		out.wait(killBound)
	}
	return errors.Join(errs...)
}

// drain passes on what the processes have written so far. A writer that
// blocks is not waited for beyond a moment.
func (s *stage) drain() {
	s.mu.Lock()
	outputs := slices.Clone(s.outputs)
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, out := range outputs {
			out.drain()
		}
	}()
	timer := time.NewTimer(drainBound)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// signal sends sig to the process and its group.
func (p *process) signal(sig syscall.Signal) {
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
