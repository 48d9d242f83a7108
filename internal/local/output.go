//go:build linux

package local

import (
	"io"
	"os"
	"sync"
	"time"
)

// An output passes on what a process and its children write.
type output struct {
	stdout, stderr *os.File   // the process's ends
	own            []*os.File // those of them that are to be closed
	readers        []*os.File
	copying        sync.WaitGroup
}

// newOutput returns an output to the two writers, which may be nil, or the
// same one, which then sees one stream.
func newOutput(stdout, stderr io.Writer) (*output, error) {
	o := &output{}
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
	if w == nil {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		o.own = append(o.own, null)
		return null, err
	}
	if file, ok := w.(*os.File); ok {
		return file, nil
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o.own, o.readers = append(o.own, writer), append(o.readers, reader)
	o.copying.Go(func() {
		// A writer that fails must not block the process: the rest is dropped.
		if _, err := io.Copy(w, reader); err != nil {
			_, _ = io.Copy(io.Discard, reader)
		}
		reader.Close()
	})
	return writer, nil
}

// started lets go of what now is the process's.
func (o *output) started() {
	for _, file := range o.own {
		file.Close()
	}
}

// wait returns when all has been passed on. It is called when everybody who
// could write is gone; should somebody have got away, it waits no longer than bound.
func (o *output) wait(bound time.Duration) {
	timer := time.AfterFunc(bound, func() {
		for _, reader := range o.readers {
			reader.Close()
		}
	})
	defer timer.Stop()
	o.copying.Wait()
}

// same tells whether two writers are one. Some cannot be compared.
func same(a, b io.Writer) bool {
	defer func() { _ = recover() }()
	return a == b
}
