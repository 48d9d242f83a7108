package local

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// Where Lambda puts things.
const (
	optDir     = "/opt"
	taskDir    = "/var/task"
	runtimeDir = "/var/runtime"
	tmpDir     = "/tmp"
)

// A Function is a Lambda function as it is configured, and the process that
// runs it. Command is all that it must have.
type Function struct {
	// Name of the function; "function" if empty.
	Name string
	// Handler is the value of _HANDLER.
	Handler string
	// Command is the runtime's command line. A program without a slash is
	// looked up in the function's own PATH.
	Command []string
	// Managed says that Command is that of a managed runtime, whose bootstrap
	// honours AWS_LAMBDA_EXEC_WRAPPER. Elsewhere that is a variable like any other.
	Managed bool
	// Env are the function's own variables, NAME=value, over those that Lambda
	// sets. Nothing else of this machine's environment reaches the function.
	Env []string

	// Code is the folder at /var/task; none: an empty one.
	Code string
	// Layers are the folders that stand merged at /opt, a later one over an
	// earlier one.
	Layers []string
	// Mounts are further files and folders, such as a runtime at /var/lang.
	Mounts []Mount
	// Tmp is the folder that the function sees as /tmp, and may write to.
	// Without it and TmpSize /tmp is the machine's.
	Tmp string
	// TmpSize, if not 0, makes /tmp an own, empty file system of so many
	// bytes (the kernel rounds up to pages). Not together with Tmp.
	TmpSize int64
	// TmpReadOnly makes the /tmp of Tmp or TmpSize read-only.
	TmpReadOnly bool
	// Dir is the working directory; /var/task if empty.
	Dir string

	// Timeout of one invocation; 3 s if 0.
	Timeout time.Duration
	// InitTimeout is how long the init before the first invocation may take, no
	// limit if negative. If 0 it is 10 s for an on-demand function, for others
	// the longer of 130 s and Timeout, but no more of that than 900 s. Beyond it
	// all is ended; on demand the first invocation then starts with another
	// init, within Timeout.
	InitTimeout time.Duration
	// RetryInit has Start return an environment even if the init of an on-demand
	// function fails. As in Lambda the first invocation then tries it again, and
	// fails if that fails too. [Environment.InitError] tells of the first.
	RetryInit bool
	// RestoreTimeout is how long a restore from a snapshot may take; 10 s if 0.
	RestoreTimeout time.Duration
	// MemoryMB is what the function is told of its memory, 128 if 0. It is no limit.
	MemoryMB int

	// UID and GID, if not 0, are whom the function runs as; another uid also
	// drops the supplementary groups. They need no entry in /etc/passwd.
	UID, GID int
	// Files are inherited as descriptors 3, 4, … in this order.
	Files []*os.File
	// CloseStdin and CloseStderr start the process without the descriptor.
	// Standard input is otherwise /dev/null.
	CloseStdin, CloseStderr bool
	// Stdout and Stderr receive what the process and its children write, each
	// as it comes and complete once the process has ended; nil drops it.
	// Both may be the same writer, which then sees one stream. One that is a
	// [Flusher] is told of the end.
	Stdout, Stderr io.Writer

	// ExtensionOutput returns what receives the output of an external
	// extension, as Stdout does; nil drops it. It is called each time that the
	// extension is started.
	ExtensionOutput func(name string) io.Writer
	// Freeze has all processes frozen between invocations, as Lambda freezes
	// them, by a cgroup where this machine allows that, else by SIGSTOP and
	// SIGCONT. On Managed Instances it counts for nothing, as there.
	Freeze bool
	// InitType is how the environment comes into being; on-demand if empty.
	InitType InitType
	// Concurrency is how many invocations run at once on Managed Instances, 1
	// if 0; elsewhere there is always 1.
	Concurrency int
	// Events, if not nil, gets every event of the environment's telemetry in
	// order, whether or not anyone has subscribed to it: platform events and
	// the lines that the function and the extensions write. It must not block.
	Events func(telemetry.Event)
	// Inits, if not nil, gets how each init went, when it is over. It must not
	// block.
	Inits func(Init)
	// API, if not nil, stands between the processes and the API that it is given:
	// for tests of what happens when that fails. It is called once.
	API func(http.Handler) http.Handler
	// NoSandboxName leaves the name sandbox.localdomain, at which subscribers
	// to the telemetry listen, unknown to the function and the extensions. Else
	// their /etc/hosts has it, if this machine has that file.
	NoSandboxName bool

	freezers []string // the file systems of the cgroups to try; nil: all there are
}

// A Flusher is a writer that wants to know when a process, and all who had its
// output from it, write no more: what it holds back for the rest of a line is
// complete then. Flush may be called more than once.
type Flusher interface{ Flush() }

// An InitType is how an environment comes into being: the value of
// AWS_LAMBDA_INITIALIZATION_TYPE.
type InitType string

// The init types.
const (
	OnDemand               InitType = "on-demand"
	ProvisionedConcurrency InitType = "provisioned-concurrency"
	SnapStart              InitType = "snap-start"
	ManagedInstances       InitType = "lambda-managed-instances"
)

// initLimit is how long Lambda lets the init of the function take.
func (f Function) initLimit() time.Duration {
	if f.InitType == OnDemand {
		return 10 * time.Second
	}
	return max(130*time.Second, min(f.Timeout, 900*time.Second))
}

// prepared returns f with its defaults filled in and its paths made absolute,
// or what is wrong with it.
func (f Function) prepared() (Function, error) {
	if len(f.Command) == 0 {
		return f, errors.New("function: no command")
	}
	f.Name = or(f.Name, "function")
	f.Timeout = or(f.Timeout, 3*time.Second)
	f.InitType = or(f.InitType, OnDemand)
	f.Concurrency = or(f.Concurrency, 1)
	f.InitTimeout = or(f.InitTimeout, f.initLimit())
	f.RestoreTimeout = or(f.RestoreTimeout, 10*time.Second)
	f.MemoryMB = or(f.MemoryMB, 128)
	f.Dir = or(f.Dir, taskDir)
	if f.Tmp != "" && f.TmpSize != 0 || f.TmpSize < 0 {
		return f, errors.New("function: either a folder or a size for /tmp")
	}
	if f.TmpReadOnly && f.Tmp == "" && f.TmpSize == 0 {
		return f, errors.New("function: the machine's own /tmp cannot be made read-only")
	}
	switch f.InitType {
	case OnDemand, ProvisionedConcurrency, SnapStart, ManagedInstances:
	default:
		return f, fmt.Errorf("function: init type %q: not one of %s, %s, %s, %s",
			f.InitType, OnDemand, ProvisionedConcurrency, SnapStart, ManagedInstances)
	}
	if f.Concurrency < 1 || f.Concurrency > 1 && f.InitType != ManagedInstances {
		return f, fmt.Errorf("function: concurrency %d: it is 1 but on %s, and never less", f.Concurrency, ManagedInstances)
	}
	var err error
	if f.Code, err = folder("code", f.Code); err != nil {
		return f, err
	}
	if f.Tmp, err = folder("tmp", f.Tmp); err != nil {
		return f, err
	}
	layers := make([]string, len(f.Layers))
	for i, l := range f.Layers {
		if l == "" {
			return f, errors.New("layer: no folder named")
		}
		if layers[i], err = folder("layer", l); err != nil {
			return f, err
		}
	}
	f.Layers = layers
	mounts := make([]Mount, len(f.Mounts))
	for i, m := range f.Mounts {
		if mounts[i], err = m.prepared(); err != nil {
			return f, err
		}
	}
	f.Mounts = mounts
	return f, nil
}

// process returns the runtime of the prepared function f as a process with the
// environment env.
func (f Function) process(env []string) spec {
	return spec{
		command: f.Command, env: env, dir: f.Dir, managed: f.Managed, files: f.Files,
		closeStdin: f.CloseStdin, closeStderr: f.CloseStderr,
		stdout: f.Stdout, stderr: f.Stderr,
	}
}

// or returns v, or def if v is the zero value.
func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
