package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// A system is what the wrapper reads of the machine, once, and the two things
// that it does to it.
type system struct {
	args []string
	env  []string
	dir  string
	pid  int
	root fs.FS
	arch string
	self string

	stderr io.Writer
	// exec replaces the process; it returns only if that failed.
	exec func(path string, argv []string, env []string) error
}

// Exit statuses of our own, as env(1) and the shells have them.
const (
	exitStrict        = 1
	exitUsage         = 2
	exitNotExecutable = 126
	exitNotFound      = 127
)

// run decides what to start and starts it. It returns only if that failed,
// with the exit status.
func run(s system) int {
	if len(s.args) < 2 {
		s.say("no program given: set AWS_LAMBDA_EXEC_WRAPPER=/opt/graft, or put /opt/graft before a command")
		return exitUsage
	}
	original := inject.Process{Argv: s.args[1:], Env: s.env}
	if path.Dir(original.Argv[0]) == inject.RunDir {
		return s.resume(original)
	}
	disable, _ := original.Env.Lookup("GRAFT_DISABLE")
	if all, _ := fragment.Disabled(disable); all {
		return s.start(original)
	}
	d := s.decide(original)
	d.report(s.stderr)
	if d.settings.Strict && len(d.problems) > 0 {
		return exitStrict
	}
	chain := inject.Chain{PID: s.pid, Program: d.process.Argv[0]}
	for _, w := range d.plan.Wrappers {
		chain.Wrappers = append(chain.Wrappers, w.Path)
	}
	program, err := s.runChain(chain, d.process, d.settings.Strict)
	if !d.settings.Strict && len(d.plan.Edits) > 0 && errors.Is(err, syscall.E2BIG) {
		s.say("arguments and environment are too long with the agents' own: starting without any agent")
		return s.start(original)
	}
	return s.failed(program, err)
}

// resume goes on with a chain of wrappers: one of them has called the file in
// RunDir that stands for the program.
func (s system) resume(p inject.Process) int {
	value, ok := p.Env.Lookup(inject.ChainVar)
	chain, err := inject.ParseChain(value)
	if !ok || err != nil {
		s.say("%s: started outside a chain of wrappers: %s is not set by graft", p.Argv[0], inject.ChainVar)
		return exitNotFound
	}
	if chain.PID != s.pid {
		// A wrapper only asks the program something, its version say.
		chain.Wrappers = nil
	}
	p = inject.Process{Argv: append([]string{chain.Program}, p.Argv[1:]...), Env: p.Env}
	return s.failed(s.runChain(chain, p, false))
}

// runChain starts the next wrapper of a chain, or its program. A wrapper that
// cannot be started is left out with a line, unless the owner is strict. It
// returns what could not be started, and why.
func (s system) runChain(chain inject.Chain, p inject.Process, strict bool) (program string, err error) {
	for {
		command, rest := chain.Step(p.Argv[1:], p.Env)
		err := s.execute(command)
		if len(chain.Wrappers) == 0 || errors.Is(err, syscall.E2BIG) || strict {
			return command.Argv[0], err
		}
		s.say("%s: left out: %v", chain.Wrappers[0], err)
		chain = rest
	}
}

// start runs p as it is.
func (s system) start(p inject.Process) int {
	return s.failed(p.Argv[0], s.execute(p))
}

// failed reports that a program could not be started.
func (s system) failed(program string, err error) int {
	s.say("%s: %v", program, err)
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitNotExecutable
}

// execute becomes p, as execvp(3) would find it.
func (s system) execute(p inject.Process) error {
	program := p.Argv[0]
	if strings.Contains(program, "/") {
		return s.exec(program, p.Argv, p.Env)
	}
	err := error(syscall.ENOENT)
	for _, dir := range strings.Split(inject.SearchPath(p.Env), ":") {
		if dir == "" {
			dir = "."
		}
		e := s.exec(dir+"/"+program, p.Argv, p.Env)
		if !errors.Is(e, syscall.ENOENT) && !errors.Is(e, syscall.ENOTDIR) && !errors.Is(e, syscall.EACCES) {
			return e
		}
		if errors.Is(e, syscall.EACCES) {
			err = e
		}
	}
	return err
}

// say prints one line.
func (s system) say(format string, args ...any) {
	// A closed standard error is no reason to stop.
	_, _ = fmt.Fprintf(s.stderr, "graft: "+format+"\n", args...)
}
