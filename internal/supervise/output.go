package supervise

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// maxLine is how many bytes of a line go into one write; a longer line is
// passed on in pieces, each as a line.
const maxLine = 16 << 10

// A lineWriter takes one line at a time from several goroutines.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) write(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// A program must not hang because nobody takes what it prints.
	_, _ = l.w.Write(line)
}

// An output is the two pipes of a program's life.
type output struct {
	read, write []*os.File
	copying     sync.WaitGroup
}

// attach connects what cmd will print with the supervisor's writers.
func (r *run) attach(cmd *exec.Cmd) (*output, error) {
	o := &output{}
	for _, to := range []*lineWriter{r.stdout, r.stderr} {
		read, write, err := os.Pipe()
		if err != nil {
			o.started()
			o.close(0)
			return nil, err
		}
		o.read, o.write = append(o.read, read), append(o.write, write)
		o.copying.Go(func() { r.survive(r.Name, func() { copyLines(to, r.Name, read) }) })
	}
	cmd.Stdout, cmd.Stderr = o.write[0], o.write[1]
	return o, nil
}

// started closes the ends that are the program's.
func (o *output) started() {
	for _, f := range o.write {
		f.Close()
	}
}

// close waits until all that was printed is passed on, at most for d.
func (o *output) close(d time.Duration) {
	for _, f := range o.read {
		_ = f.SetReadDeadline(time.Now().Add(d))
	}
	o.copying.Wait()
	for _, f := range o.read {
		f.Close()
	}
}

// copyLines passes lines on until the end, each with the program's name before
// it.
func copyLines(to *lineWriter, name string, from io.Reader) {
	in := bufio.NewReaderSize(from, maxLine)
	prefix := name + ": "
	line := make([]byte, 0, len(prefix)+maxLine+1)
	for {
		text, err := in.ReadSlice('\n')
		if len(text) > 0 {
			line = append(append(line[:0], prefix...), text...)
			if line[len(line)-1] != '\n' {
				line = append(line, '\n')
			}
			to.write(line)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
