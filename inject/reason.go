package inject

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A Reason is the kind of thing for which an agent is left out, for programs: the
// words of a Skip are for people, and may change.
type Reason uint8

// The reasons that are told apart.
const (
	// OtherReason is every other one.
	OtherReason Reason = iota
	// MissingFile: there is no such file, or no regular one.
	MissingFile
	// UnreadableFile: graft may not read the file.
	UnreadableFile
	// MissingInterpreter: a script names an interpreter that is not there.
	MissingInterpreter
	// LineEndCRLF: the first line of a script ends with CRLF.
	LineEndCRLF
	// NotExecutable: the file has no execute bit.
	NotExecutable
	// WrongArch and WrongLibc: a native file is for another processor or C library
	// than the runtime.
	WrongArch
	WrongLibc
	// NotFound: a package or a library is in none of the folders where the runtime
	// looks for its name.
	NotFound
)

// A fault is why what an agent loads, or runs, cannot be used.
type fault struct {
	subject string // the file's path, or the name by which it is looked for
	reason  Reason
	problem string
}

func (f *fault) Error() string { return f.subject + ": " + f.problem }

// faultf makes a fault. It is called in many places, and in each of them the
// compiler's copy of it would cost the wrapper a hundred bytes.
//
//go:noinline
func faultf(subject string, reason Reason, format string, args ...any) error {
	return &fault{subject, reason, fmt.Sprintf(format, args...)}
}

// fileFault is the fault of a file that cannot be looked at or read.
func fileFault(file string, err error) error {
	err = fragment.Cause(err)
	f := &fault{subject: file, problem: err.Error()}
	switch {
	case err == fragment.ErrNoFile:
		f.reason = MissingFile
	case errors.Is(err, fs.ErrPermission):
		f.reason = UnreadableFile
	}
	return f
}
