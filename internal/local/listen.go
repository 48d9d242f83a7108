//go:build linux

package local

import (
	"time"

	"golang.org/x/sys/unix"
)

// listen takes what the keeper tells until it has ended.
func (s *stage) listen() {
	for {
		m, err := receive(s.conn)
		if err != nil {
			s.abandoned()
			return
		}
		s.mu.Lock()
		p := s.processes[m.PID]
		if m.Kind == startProcess && m.Failure == nil {
			// Here, so that it is known before its end can be told.
			s.starts.pid = m.PID
			s.processes[m.PID] = s.starts
		}
		s.mu.Unlock()
		switch m.Kind {
		case startProcess:
			s.replies <- m
		case ended:
			p.mu.Lock()
			p.reaped = true
			p.mu.Unlock()
			// If the keeper is gone, so is the process.
			_ = send(s.conn, message{Kind: reap, PID: m.PID})
		case reap:
			s.forget(p, m.Exit)
		}
	}
}

// abandoned ends all processes of a keeper that is gone; the kernel has
// killed them.
func (s *stage) abandoned() {
	close(s.replies)
	s.thaw() // or they would not go
	for {
		s.mu.Lock()
		var p *process
		for _, p = range s.processes {
			break
		}
		s.mu.Unlock()
		if p == nil {
			return
		}
		p.mu.Lock()
		p.reaped = true
		p.mu.Unlock()
		s.forget(p, Exit{Code: -1, Signal: unix.SIGKILL})
	}
}

func (s *stage) forget(p *process, exit Exit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.exit, p.ended = exit, time.Now()
	close(p.done)
	delete(s.processes, p.pid)
}
