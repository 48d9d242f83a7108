package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/internal/child"
)

const (
	// companionPath is where the companion stands in the variant that the
	// wrapper starts.
	companionPath = "/opt/graft-companion"
	// companionArgument tells it that it is that variant.
	companionArgument = "fork"
	// companionWord is what it says when it has registered. Any other line is
	// why it has not.
	companionWord = "registered"
	// companionLimit is how long the runtime's start waits for all that.
	companionLimit = time.Second
)

// hasCompanion reports whether there is a companion to start, and Lambda to
// speak to.
func (s system) hasCompanion() bool {
	if api, _ := inject.Env(s.env).Lookup("AWS_LAMBDA_RUNTIME_API"); api == "" {
		return false
	}
	_, err := fs.Stat(s.root, companionPath[1:])
	return err == nil // what cannot be started is said
}

// startCompanion starts the companion, which starts itself a second time and
// ends, so that the runtime has no child that it does not know of. It returns
// when the second one has registered.
//
// It is syscall.ForkExec because os.StartProcess forks once more, to try out
// what the kernel can do.
func startCompanion(env []string) error {
	end := time.Now().Add(companionLimit)
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	hear, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer hear.Close()
	pid, err := syscall.ForkExec(companionPath, []string{companionPath, companionArgument}, &syscall.ProcAttr{
		Env: env,
		// It closes itself what else it inherits.
		Files: []uintptr{null.Fd(), 1, 2, say.Fd()},
	})
	say.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", companionPath, err)
	}
	ended := make(chan struct{})
	go func() {
		child.Reap(pid)
		close(ended)
	}()
	word, err := hearWord(hear, end)
	select {
	case <-ended:
	case <-time.After(time.Until(end)):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		<-ended
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("not registered after %v: going on without it", companionLimit)
	case errors.Is(err, io.EOF):
		return errors.New("ended before it had registered")
	case errors.Is(err, bufio.ErrBufferFull):
		return errors.New("answered with no line")
	case err == nil && word != companionWord:
		return errors.New(word)
	}
	return err
}

// hearWord returns the first line that comes before end.
func hearWord(from *os.File, end time.Time) (string, error) {
	if err := from.SetReadDeadline(end); err != nil {
		return "", err
	}
	line, err := bufio.NewReaderSize(from, 256).ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return string(line[:len(line)-1]), nil
}
