package local

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// ErrNotRunning is what an invocation gets whose environment is stopped, or on
// Managed Instances has ended by itself.
var ErrNotRunning = errors.New("function: not running")

// A NotAllowedError says that this machine does not allow what the isolation
// of a function needs.
type NotAllowedError struct {
	What string // what is not allowed, such as "mount namespace"
	Hint string // how to allow it
	Err  error  // what the kernel said
}

func (e *NotAllowedError) Error() string {
	return fmt.Sprintf("%s: %v; %s", e.What, e.Err, e.Hint)
}

// Unwrap returns what the kernel said.
func (e *NotAllowedError) Unwrap() error { return e.Err }

// An InitError says why an environment did not get as far as that all are ready.
type InitError struct {
	// Type as Lambda names it: Runtime.ExitError, Runtime.InvalidEntrypoint,
	// Runtime.InvalidWorkingDir, Extension.LaunchError, Extension.Crash,
	// Extension.InitError, Extension.ExitError, Sandbox.Timedout, or what the
	// runtime itself posted to init/error.
	Type string
	// Message in words, without Lambda's request id.
	Message string
	// ExitCode of the process that failed, the runtime or an extension, or -1 if
	// it was ended by Signal or never ran.
	ExitCode int
	// Signal that ended the process, or 0.
	Signal syscall.Signal
	// Body is what the runtime posted to init/error, if it did.
	Body []byte
	// Err is the cause, if there is one beyond what is said above.
	Err error
}

func (e *InitError) Error() string { return "init: " + e.Type + ": " + e.Message }

// Unwrap returns the cause, such as the error of the context.
func (e *InitError) Unwrap() error { return e.Err }

// A RestoreError says why an environment could not be restored from its
// snapshot. In Lambda it is an error of the one who invokes, not a result of
// the function.
type RestoreError struct {
	// Name of the exception: SnapStartTimeoutException or SnapStartException.
	Name string
	// Type as Lambda names it: Runtime.RestoreHookUserTimeout, Runtime.ExitError,
	// Extension.Crash, or what the runtime posted to restore/error.
	Type string
	// Message in words.
	Message string
	// Body is what the runtime posted to restore/error, if it did.
	Body []byte
}

func (e *RestoreError) Error() string { return e.Name + ": " + e.Type + ": " + e.Message }

// An Exit is how a process ended.
type Exit struct {
	// Code is the exit code, or -1 if a signal ended the process.
	Code int
	// Signal that ended the process, or 0.
	Signal syscall.Signal
}

// String describes the exit in the words that Lambda uses.
func (e Exit) String() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// reason is the message of Runtime.ExitError.
func (e Exit) reason() string {
	if e == (Exit{}) {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + e.String()
}

// A setupError is what kept a copy of the program from making the file system
// or from becoming a process. Its fields travel between the two.
type setupError struct {
	Step  string // one of the step constants
	Path  string // what it was about
	Errno syscall.Errno
}

// The steps to a running function.
const (
	stepMount = "mount"
	stepUser  = "user"
	stepDir   = "dir"
	stepExec  = "exec"
)

func (e *setupError) Error() string {
	return strings.Join([]string{e.Step, e.Path, e.Errno.Error()}, ": ")
}

func (e *setupError) Unwrap() error { return e.Errno }

// initError returns err as an InitError where Lambda has a name for it.
func initError(err error) error {
	var setup *setupError
	if errors.As(err, &setup) {
		switch setup.Step {
		case stepDir:
			return &InitError{Type: "Runtime.InvalidWorkingDir", Message: setup.Error(), ExitCode: -1, Err: err}
		case stepExec:
			return &InitError{Type: "Runtime.InvalidEntrypoint", Message: setup.Error(), ExitCode: -1, Err: err}
		}
	}
	return err
}
