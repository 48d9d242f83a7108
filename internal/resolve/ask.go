package resolve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/child"
)

const (
	// Program is where graft-secrets stands.
	Program = "/opt/graft-secrets"
	// Command is the argument that makes it answer questions. The one behind it
	// is how long it may take, as a duration.
	Command = "resolve"
	// AnswerFile is the descriptor that it answers on.
	AnswerFile = 3
	// Grace is what it gets beyond its time to start and to say what it has.
	Grace = time.Second
)

// ErrNotThere says that there is no graft-secrets.
var ErrNotThere = errors.New(Program + ": is not in the layer: build it with graft build --secrets")

// Ask starts graft-secrets with the environment env and returns its answers to
// the questions, one each. It returns after limit and a second at the latest. A
// question that got no answer has the error as its problem.
//
// Variables of env that are references themselves do not reach the program:
// they would stand in for a region, a proxy or an endpoint. Nor does what is too
// long for any program: whoever starts the function with it says so.
func Ask(env, questions []string, limit time.Duration) []reference.Answer {
	return askAll(Program, "", env, questions, limit)
}

// AskIn is [Ask] with the paths of files relative to the folder dir, if it is
// there, and not to this program's own.
func AskIn(dir string, env, questions []string, limit time.Duration) []reference.Answer {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = ""
	}
	return askAll(Program, dir, env, questions, limit)
}

// AskProgram is [Ask] of a graft-secrets that stands elsewhere.
func AskProgram(program string, env, questions []string, limit time.Duration) []reference.Answer {
	return askAll(program, "", env, questions, limit)
}

func askAll(program, dir string, env, questions []string, limit time.Duration) []reference.Answer {
	answers, err := ask(program, dir, env, questions, limit)
	for len(answers) < len(questions) {
		answers = append(answers, reference.Answer{Problem: err.Error()})
	}
	return answers
}

func ask(program, dir string, env, questions []string, limit time.Duration) ([]reference.Answer, error) {
	end := time.Now().Add(limit + Grace)
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer to.Close()
	hear, say, err := os.Pipe()
	if err != nil {
		from.Close()
		return nil, err
	}
	defer hear.Close()
	// ForkExec: os.StartProcess forks once more, to try out what the kernel can do.
	pid, err := syscall.ForkExec(program, []string{program, Command, limit.String()}, &syscall.ProcAttr{
		Dir: dir,
		Env: without(env),
		// Standard output is the function's log too.
		Files: []uintptr{from.Fd(), 2, 2, say.Fd()},
		// With it end the programs that the SDK starts for credentials.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	from.Close()
	say.Close()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotThere
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	asked := make(chan struct{})
	go func() {
		// A program that does not listen is a program that does not answer.
		_ = to.SetWriteDeadline(end)
		_ = WriteQuestions(to, questions)
		to.Close()
		close(asked)
	}()
	_ = hear.SetReadDeadline(end)
	answers, err := ReadAnswers(hear, len(questions))
	// It has said all that there is to say, or it never will.
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	child.Reap(pid)
	<-asked
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("%s: no answer after %v", program, limit+Grace)
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("%s: ended without an answer", program)
	case err != nil:
		err = fmt.Errorf("%s: answered with %w", program, err)
	}
	return answers, err
}

// without returns env less the references in it, and what is too long for any
// program.
func without(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, entry := range env {
		if _, value, _ := strings.Cut(entry, "="); !reference.Is(value) && len(entry) <= child.MaxEntry() {
			kept = append(kept, entry)
		}
	}
	return kept
}
