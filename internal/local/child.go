//go:build linux

package local

import (
	"encoding/gob"
	"errors"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// A job tells a copy of this program what to make of the file system, or what
// to become.
type job struct {
	Parent int // process id of the one that started it

	Layers      []string
	Code        string
	Mounts      []Mount
	Tmp         string
	TmpSize     int64
	TmpReadOnly bool
	Scratch     string // a folder where an entry can be made for a moment
	Cgroup      string // that the stage is frozen by, or ""
	Freezer     int    // the index of its freezer
	Hosts       string // what is to be seen as /etc/hosts; "": what is there

	UID, GID                int
	Dir                     string
	Command, Env            []string
	Managed                 bool
	CloseStdin, CloseStderr bool
}

// Main must be called first thing in main, or in TestMain. In the copies of
// the program that this package starts it does not return; elsewhere it does
// nothing.
func Main() {
	mainCalled.Store(true)
	if len(os.Args) != 2 || os.Args[0] != helperName {
		return
	}
	// Parent-death signal and capabilities belong to a thread, and it is the
	// one that calls exec, or starts processes, whose count.
	runtime.LockOSThread()
	if os.Args[1] == keeperRole {
		keepStage()
		os.Exit(1)
	}
	fd, err := strconv.Atoi(os.Args[1])
	if err != nil || closeOnExec(fd) != nil {
		os.Exit(2)
	}
	in, out := os.NewFile(uintptr(fd), "job"), os.NewFile(uintptr(fd+1), "report")
	var j job
	if err := gob.NewDecoder(in).Decode(&j); err != nil {
		os.Exit(2) // the one that asked for it is gone
	}
	if err := j.run(); err != nil {
		_ = gob.NewEncoder(out).Encode(err)
	}
	os.Exit(1)
}

// run becomes the process. It returns only with the reason why it could not.
func (j *job) run() *setupError {
	if err := j.becomeUser(); err != nil {
		return setupFailure(stepUser, strconv.Itoa(j.UID)+":"+strconv.Itoa(j.GID), err)
	}
	if err := os.Chdir(j.Dir); err != nil {
		return setupFailure(stepDir, j.Dir, err)
	}
	// Only now, since nothing but exec may open a descriptor after it.
	if j.CloseStdin {
		_ = unix.Close(0)
	}
	if j.CloseStderr {
		_ = unix.Close(2)
	}
	if wrapper := getenv(j.Env, execWrapper); j.Managed && wrapper != "" {
		os.Exit(runWrapper(wrapper, j.Command, j.Env))
	}
	program, err := lookPath(j.Command[0], j.Env)
	if err == nil {
		err = syscall.Exec(program, j.Command, j.Env)
	}
	return setupFailure(stepExec, j.Command[0], err)
}

// dieWithParent has this process killed when the one that started it ends.
func (j *job) dieWithParent() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if os.Getppid() != j.Parent {
		os.Exit(1) // it ended before the signal was asked for
	}
	return nil
}

// becomeUser gives up what was needed for the mounts and takes the job's uid
// and gid.
func (j *job) becomeUser() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	if j.UID == 0 && j.GID == 0 {
		return nil
	}
	if j.UID != 0 && j.UID != os.Getuid() {
		if err := syscall.Setgroups(nil); err != nil {
			return err
		}
	}
	if j.GID != 0 {
		if err := syscall.Setresgid(j.GID, j.GID, j.GID); err != nil {
			return err
		}
	}
	if j.UID != 0 {
		if err := syscall.Setresuid(j.UID, j.UID, j.UID); err != nil {
			return err
		}
	}
	// A change of user takes the parent-death signal away.
	return j.dieWithParent()
}

func setupFailure(step, about string, err error) *setupError {
	failure := &setupError{Step: step, Path: about, Errno: unix.EIO}
	var pathErr *os.PathError
	if errors.As(err, &pathErr) && about == "" {
		failure.Path = pathErr.Op + " " + pathErr.Path
	}
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) && about == "" {
		failure.Path = linkErr.Op + " " + linkErr.New
	}
	errors.As(err, &failure.Errno)
	return failure
}
