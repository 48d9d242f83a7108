package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/internal/guard"
)

// The wrapper starts the companion with forkArgument, as its child. That one
// starts itself again with forkedArgument and ends: the runtime, which the
// wrapper becomes, must not find a child that it does not know of.
const (
	forkArgument   = "fork"
	forkedArgument = "forked"
)

// wrapperPipe is the descriptor of the pipe on which the wrapper waits for
// registeredWord, or for another line that says why it will not come.
const (
	wrapperPipe    = 3
	registeredWord = "registered"
)

const (
	// forkedGate bounds the wait for programs to be ready. The wrapper waits a
	// second in all, from before this program's own start.
	forkedGate = 800 * time.Millisecond
	// forkedEnd is how long programs may take to end. Lambda gives 500 ms where
	// there are internal extensions only.
	forkedEnd = 200 * time.Millisecond
)

// fork starts this program again, without the descriptors that are the
// runtime's, and returns the exit status.
func fork() int {
	pipe := os.NewFile(wrapperPipe, "wrapper")
	self, err := os.Executable()
	if err == nil {
		err = closeOnExec()
	}
	if err == nil {
		_, err = syscall.ForkExec(self, []string{os.Args[0], forkedArgument}, &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, 1, 2, wrapperPipe},
		})
	}
	if err != nil {
		tell(pipe, err.Error())
		return 1
	}
	return 0
}

// closeOnExec keeps all descriptors but the standard ones and the pipe from
// being inherited. close_range(2) could do it, but not in Lambda's older
// kernels.
func closeOnExec() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > wrapperPipe {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// tell ends what the wrapper waits for. It may have gone on already.
func tell(wrapper io.WriteCloser, line string) {
	_, _ = fmt.Fprintln(wrapper, line)
	wrapper.Close()
}

// first claims this environment, until this process ends, and reports whether
// none else has. Where graft runs twice, in front of a script and then of the
// program, the second companion must not even start its programs.
//
// The claim is the address of a socket that nobody can connect to: the kernel
// keeps it free of leftovers.
func first(env inject.Env) bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	api, _ := env.Lookup("AWS_LAMBDA_RUNTIME_API")
	name := fmt.Sprintf("@graft-companion %d %s", unix.Getpgrp(), api)
	return !errors.Is(unix.Bind(fd, &unix.SockaddrUnix{Name: name}), unix.EADDRINUSE)
}

// untilLeaderEnds returns a context that ends with the leader of this process's
// group, the process that Lambda takes for the runtime. A reset kills the
// group; but what has outlived its runtime is of no use in any case.
func untilLeaderEnds(ctx context.Context) context.Context {
	fd, err := unix.PidfdOpen(unix.Getpgrp(), 0)
	if err != nil {
		return ctx
	}
	ctx, ended := context.WithCancel(ctx)
	go func() {
		defer ended()
		_ = guard.Call(func() error {
			for {
				n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
				if n > 0 || !errors.Is(err, unix.EINTR) {
					return err
				}
			}
		})
	}()
	return ctx
}
