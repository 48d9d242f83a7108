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
	// Command is the argument that makes it answer questions. The argument after
	// it says how long that may take, as a duration.
	Command = "resolve"
	// AnswerFile is the descriptor that it answers on.
	AnswerFile = 3
	// Grace is the time that it gets beyond that, to start and to say what it has.
	Grace = time.Second
)

// ErrNotThere says that no layer has graft-secrets.
var ErrNotThere = errors.New(Program + ": is not in the layer: build it with graft build --secrets")

// Ask starts graft-secrets with the environment env and returns its answers to
// the questions, one each. It returns after limit and [Grace] at the latest. A
// question that got no answer has the error as its problem.
//
// Variables of env that are references themselves do not reach the program:
// they would stand in for a region, a proxy or an endpoint. Nor does what is too
// long for any program: whoever starts the function with it says so.
func Ask(env, questions []string, limit time.Duration) []reference.Answer {
	return askAll(Program, "", env, questions, limit)
}

// AskIn is [Ask] with the paths of files relative to the folder dir, if that is
// there, and not to this program's working directory.
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

// A process is graft-secrets in a process group of its own, and the ends of the
// pipes to it and from it.
type process struct {
	pid                int
	questions, answers *os.File
}

func start(program, dir string, env []string, limit time.Duration) (process, error) {
	stdin, questions, err := os.Pipe()
	if err != nil {
		return process{}, err
	}
	defer stdin.Close()
	answers, answerFile, err := os.Pipe()
	if err != nil {
		questions.Close()
		return process{}, err
	}
	defer answerFile.Close()
	// ForkExec: os.StartProcess forks once more, to try out what the kernel can do.
	pid, err := syscall.ForkExec(program, []string{program, Command, limit.String()}, &syscall.ProcAttr{
		Dir: dir,
		Env: without(env),
		// Standard error twice: standard output is the function's log too.
		Files: []uintptr{stdin.Fd(), 2, 2, answerFile.Fd()},
		// With the group end the programs that the SDK starts for credentials.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		questions.Close()
		answers.Close()
		if errors.Is(err, fs.ErrNotExist) {
			return process{}, ErrNotThere
		}
		return process{}, fmt.Errorf("%s: %w", program, err)
	}
	return process{pid, questions, answers}, nil
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
	p, err := start(program, dir, env, limit)
	if err != nil {
		return nil, err
	}
	defer p.answers.Close() // not before it has ended: it would say that it cannot write
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		// That it does not listen shows in that it does not answer.
		_ = p.questions.SetWriteDeadline(end)
		_ = WriteQuestions(p.questions, questions)
		p.questions.Close()
	}()
	_ = p.answers.SetReadDeadline(end)
	answers, err := ReadAnswers(p.answers, len(questions))
	// It has said all that there is to say, or it never will.
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	child.Reap(p.pid)
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
