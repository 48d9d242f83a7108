package fragment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Dir is the folder in which every layer puts its fragments.
const Dir = "/opt/graft.d"

// A Problem is an entry of the fragments' folder that cannot be used.
type Problem struct {
	// Agent is the agent's name; empty if the entry is no fragment at all.
	Agent string
	Err   error
}

// ReadDir reads the fragments of folder dir (an absolute path in fsys, whose
// root is "/") in byte order of their names. A folder that is not there holds
// none; whatever cannot be used is a Problem.
func ReadDir(fsys fs.FS, dir string) ([]Fragment, []Problem) {
	entries, err := fs.ReadDir(fsys, Rel(dir))
	var problems []Problem
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		problems = append(problems, Problem{Err: fmt.Errorf("%s: %w", dir, Cause(err))})
	}
	var fragments []Fragment
	for _, e := range entries {
		file := path.Join(dir, e.Name())
		name, ok := AgentName(e.Name())
		if !ok {
			problems = append(problems, Problem{Err: fmt.Errorf("%s: ignored: not named NN-NAME.env (two digits; NAME of a-z 0-9 . _ -)", file)})
			continue
		}
		data, err := ReadFile(fsys, file)
		var f Fragment
		if err != nil {
			err = fmt.Errorf("%s: %w", file, err)
		} else {
			f, err = Parse(file, name, data)
		}
		if err != nil {
			problems = append(problems, Problem{Agent: name, Err: err})
			continue
		}
		fragments = append(fragments, f)
	}
	return fragments, problems
}

// AgentName returns the NAME of a file called NN-NAME.env.
func AgentName(base string) (name string, ok bool) {
	name, ok = strings.CutSuffix(base, ".env")
	if !ok || len(name) < 4 || !digit(name[0]) || !digit(name[1]) || name[2] != '-' {
		return "", false
	}
	name = name[3:]
	for i := range len(name) {
		c := name[i]
		if !digit(c) && !('a' <= c && c <= 'z') && c != '.' && c != '_' && c != '-' {
			return "", false
		}
	}
	return name, true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// ReadFile reads a regular file of at most [MaxSize] bytes; one byte more is
// returned of a larger one, for the parsers to refuse. The file is looked at
// before it is opened, so that a FIFO never hangs the caller. Errors come
// without the path.
func ReadFile(fsys fs.FS, file string) ([]byte, error) {
	info, err := fs.Stat(fsys, Rel(file))
	if err != nil {
		return nil, Cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := fsys.Open(Rel(file))
	if err != nil {
		return nil, Cause(err)
	}
	defer f.Close()
	// One read for the usual size instead of ReadAll's growing buffer.
	buf := make([]byte, 0, min(info.Size(), MaxSize)+1)
	for {
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF || len(buf) > MaxSize:
			return buf, nil
		case err != nil:
			return nil, Cause(err)
		case len(buf) == cap(buf):
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// Cause returns the bare reason of a file error, without operation and path.
func Cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return Cause(pe.Err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		// The same words from a real file system and one in memory.
		return ErrNoFile
	}
	return err
}

// ErrNoFile is what [Cause] makes of fs.ErrNotExist.
var ErrNoFile = errors.New("no such file")

// Rel turns an absolute path into one that fs.FS takes.
func Rel(p string) string {
	if p = strings.TrimPrefix(path.Clean(p), "/"); p == "" {
		return "."
	}
	return p
}
