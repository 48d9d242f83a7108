package check

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"sync"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/native"
)

// small is up to which size a file is read at once, in bytes. Only such files
// are searched for secrets: what is larger is data.
const small = 1 << 20

// maxLine is as much of a script's first line as the kernel reads, in bytes.
const maxLine = 256

// inspect reads every file of the layer once, from beginning to end: a zip's
// checksums are compared, and what files are is noted.
func (l *Layer) inspect() {
	files := make(chan *entry)
	var wg sync.WaitGroup
	var large sync.Mutex // one at a time: they are held in memory
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			buf := make([]byte, 0, small+1)
			for e := range files {
				if err := e.inspect(buf, &large); err != nil {
					e.unreadable(err)
				}
			}
		})
	}
	list := l.files()
	for _, e := range list {
		files <- e
	}
	close(files)
	wg.Wait()
	for _, e := range list {
		l.found = append(l.found, e.found...)
		e.found = nil
	}
}

// unreadable notes why a file cannot be read.
func (e *entry) unreadable(err error) {
	if e.layer.folder {
		e.found.add("unreadable-file", e.place(), 0, "%v", fragment.Cause(err))
		return
	}
	if err == errRefused {
		return
	}
	e.found.add("zip-corrupt", e.place(), 0, "%s", corrupt(err))
}

// corrupt says in plain words what is wrong with an entry's content.
func corrupt(err error) string {
	switch {
	case errors.Is(err, errGrew), errors.Is(err, errTooLarge):
		return err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "ends too early"
	}
	return "its content does not match its checksum, or cannot be unpacked"
}

// inspect reads the file once. buf is where a small file goes.
func (e *entry) inspect(buf []byte, large *sync.Mutex) error {
	if e.size > maxWhole {
		return errTooLarge
	}
	f, err := e.open()
	if err != nil {
		return err
	}
	defer f.Close()
	if e.size <= small {
		data, err := readInto(buf, f)
		if err != nil {
			return err
		}
		e.judge(data)
		return nil
	}
	r := bufio.NewReaderSize(f, 64<<10)
	head, err := r.Peek(maxLine)
	if err != nil {
		return err
	}
	if at, ok := f.(io.ReaderAt); ok {
		e.judgeHead(head, at)
		return nil // a folder's file has no checksum to compare
	}
	if bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		large.Lock()
		defer large.Unlock()
		data := make([]byte, 0, e.size+1)
		if data, err = readInto(data, r); err != nil {
			return err
		}
		e.judgeHead(data[:maxLine], bytes.NewReader(data))
		return nil
	}
	e.judgeHead(head, nil)
	_, err = io.Copy(io.Discard, r)
	return err
}

// readInto reads all of r into buf, which has room for one byte more.
func readInto(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			return nil, errGrew
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// judge looks at the content of a small file.
func (e *entry) judge(data []byte) {
	e.judgeHead(data[:min(len(data), maxLine)], bytes.NewReader(data))
	if e.object == nil {
		e.secrets(data)
	}
}

// judgeHead notes what kind of file it is by its beginning.
func (e *entry) judgeHead(head []byte, at io.ReaderAt) {
	switch {
	case bytes.HasPrefix(head, []byte("#!")):
		line, _, _ := bytes.Cut(head, []byte("\n"))
		e.first = string(line)
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)) && at != nil:
		if o, err := native.Read(at); err == nil {
			e.object = &o
		}
	}
}

// modes looks at the permissions of the layer's entries.
func (l *Layer) modes() {
	for _, name := range l.names() {
		e := l.entries[name]
		perm := e.mode.Perm()
		switch {
		case e.mode&fs.ModeSymlink != 0:
		case e.mode.IsDir():
			if !l.folder && perm&0o005 != 0o005 {
				l.found.add("not-world-readable", e.place(), 0, "mode %04o", perm)
			}
		case perm&0o004 == 0 && !l.folder, perm&0o004 == 0 && inFolder(name, "graft.d"):
			l.found.add("not-world-readable", e.place(), 0, "mode %04o", perm)
		case e.program() && !e.executable() && (e.runs() || e.mustRun()):
			l.found.add("lost-execute-bit", e.place(), 0, "mode %04o: only its owner or group may execute it%s", perm, e.afterSAM())
		case !e.program() && e.mustRun():
			l.found.add("lost-execute-bit", e.place(), 0, "mode %04o: is a program that may not be executed", perm)
		}
	}
}

// afterSAM says what becomes of the mode in a folder that SAM packs.
func (e *entry) afterSAM() string {
	if !e.layer.folder {
		return ""
	}
	return ", also after sam build, which adds only the right to read"
}
