//go:build linux

package local

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// An output passes on what a process and its children write, and cuts it into
// lines if these are wanted.
type output struct {
	each           func(line []byte, at time.Time) // may be nil
	stdout, stderr *os.File                        // the process's ends
	own            []*os.File                      // those of them that are to be closed
	streams        []*outputStream
	copying        sync.WaitGroup
}

// newOutput returns an output to the two writers, which may be nil, or the
// same one, which then sees one stream.
func newOutput(stdout, stderr io.Writer, each func(line []byte, at time.Time)) (*output, error) {
	o := &output{each: each}
	var err error
	if o.stdout, err = o.to(stdout); err != nil {
		return nil, err
	}
	if stderr != nil && same(stdout, stderr) {
		o.stderr = o.stdout
		return o, nil
	}
	if o.stderr, err = o.to(stderr); err != nil {
		o.started()
		return nil, err
	}
	return o, nil
}

func (o *output) to(w io.Writer) (*os.File, error) {
	if o.each == nil {
		if w == nil {
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			o.own = append(o.own, null)
			return null, err
		}
		if file, ok := w.(*os.File); ok {
			return file, nil
		}
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &outputStream{reader: reader, to: w, buffer: make([]byte, 32<<10)}
	if o.each != nil {
		s.lines = &lines{each: o.each}
	}
	o.own, o.streams = append(o.own, writer), append(o.streams, s)
	o.copying.Go(s.copy)
	return writer, nil
}

// started lets go of what now is the process's.
func (o *output) started() {
	for _, file := range o.own {
		file.Close()
	}
}

// drain passes on what can be read already.
func (o *output) drain() {
	for _, s := range o.streams {
		s.drain()
	}
}

// wait returns when all has been passed on. It is called when everybody who
// could write is gone; should somebody have got away, it waits no longer than bound.
func (o *output) wait(bound time.Duration) {
	timer := time.AfterFunc(bound, func() {
		for _, s := range o.streams {
			s.reader.Close()
		}
	})
	defer timer.Stop()
	o.copying.Wait()
}

// An outputStream is one pipe of an output.
type outputStream struct {
	reader *os.File

	mu     sync.Mutex // held from a read until what was read has been passed on
	to     io.Writer  // nil once it has failed: the rest is dropped, and must not block the process
	lines  *lines     // may be nil
	buffer []byte
}

// copy passes on all until the end.
func (s *outputStream) copy() {
	defer s.reader.Close()
	raw, err := s.reader.SyscallConn()
	if err != nil {
		return
	}
	// The callback says false to be called again when there is more to read.
	_ = raw.Read(func(fd uintptr) bool {
		for {
			if n, err := s.take(int(fd)); n == 0 {
				return err != unix.EAGAIN
			}
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// end passes on what has no end of line: nothing comes after it. The caller
// holds mu.
func (s *outputStream) end() {
	if s.lines != nil {
		s.lines.end(time.Now())
	}
	if f, ok := s.to.(Flusher); ok {
		f.Flush()
	}
}

// drain passes on what can be read already. Others do so at the same time.
func (s *outputStream) drain() {
	raw, err := s.reader.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		// No more than a pipe can hold: who goes on writing is not waited for.
		for read := 0; read < drainMax; {
			n, _ := s.take(int(fd))
			if n == 0 {
				return
			}
			read += n
		}
	})
}

// drainMax is the most that a pipe holds without special rights.
const drainMax = 1 << 20

// take reads once and passes that on. It returns 0 at the end (without an
// error) and if nothing can be read.
func (s *outputStream) take(fd int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int
	err := error(unix.EINTR)
	for err == unix.EINTR {
		n, err = unix.Read(fd, s.buffer)
	}
	if n <= 0 {
		if err == nil {
			s.end()
		}
		return 0, err
	}
	if s.lines != nil {
		s.lines.write(s.buffer[:n], time.Now())
	}
	if s.to != nil {
		if _, err := s.to.Write(s.buffer[:n]); err != nil {
			s.to = nil
		}
	}
	return n, nil
}

// same tells whether two writers are one. Some cannot be compared.
func same(a, b io.Writer) bool {
	defer func() { _ = recover() }()
	return a == b
}
