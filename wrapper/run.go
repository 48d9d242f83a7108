package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

// A system is what the wrapper reads of the machine, once, and the four things
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
	// resolve asks graft-secrets for the values of references.
	resolve func(env, questions []string, limit time.Duration) []reference.Answer
	// companion starts the companion, and returns when that has registered.
	companion func(env []string) error
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
	// Graft behind graft would run another vendor's wrapper twice.
	for len(s.args) > 2 && s.args[1] == s.self {
		s.args = s.args[1:]
	}
	if len(s.args) < 2 {
		s.say("no program given: set AWS_LAMBDA_EXEC_WRAPPER=/opt/graft, or put /opt/graft before a command")
		return exitUsage
	}
	original := inject.Process{Argv: s.args[1:], Env: s.env}
	if path.Dir(original.Argv[0]) == inject.RunDir || s.runsSelf(original) {
		return s.resume(original)
	}
	d := inject.Decide(original, s.machine())
	if d.Disabled {
		return s.start(original)
	}
	report(d, s.stderr)
	if d.Fatal || d.Settings.Strict && len(d.Problems) > 0 {
		return exitStrict
	}
	if s.hasCompanion() {
		if err := s.companion(s.env); err != nil && s.stops(d.Settings, "companion: %v", err) {
			return exitStrict
		}
	}
	chain := inject.Chain{PID: s.pid, Program: d.Process.Argv[0]}
	for _, w := range d.Plan.Wrappers {
		chain.Wrappers = append(chain.Wrappers, w.Path)
	}
	tried, owners := d.Process, d.Owners(original)
	program, err := s.runChain(chain, tried, d.Settings)
	left := leftOut(&d, owners)
	for errors.Is(err, syscall.E2BIG) {
		why := tooLong(tried.Env, d.Fetched)
		if left == "" {
			if why == "" && len(d.Fetched) > 0 {
				// Without them graft-secrets was started.
				why = "the values of references make the environment too long: ask graft-secrets serve for large ones"
			}
			if why != "" {
				s.say("%s", why)
			}
			break
		}
		if why == "" {
			why = "arguments and environment would be too long"
		}
		if s.stops(d.Settings, "%s left out: %s", left, why) {
			return exitStrict
		}
		left, tried = "", owners
		program, err = tried.Argv[0], s.execute(tried)
	}
	return s.failed(program, err)
}

// machine is what a plan may look at.
func (s system) machine() inject.Machine {
	return inject.Machine{
		Root: s.root, Dir: s.dir, Arch: s.arch, Self: s.self,
		Resolve: func(env inject.Env, questions []string, limit time.Duration) []reference.Answer {
			return s.resolve(env, questions, limit)
		},
	}
}

// runsSelf reports whether p's program is a script whose interpreter is graft. A
// panic while looking is no reason not to start it.
func (s system) runsSelf(p inject.Process) (itself bool) {
	defer func() { _ = recover() }()
	return s.machine().RunsSelf(p.Argv[0], p.Env)
}

// resume goes on with a chain of wrappers: one of them has called the file in
// RunDir that stands for the program, perhaps by another path. Any other script
// that names graft as its interpreter would be started again for ever.
func (s system) resume(p inject.Process) int {
	value, ok := p.Env.Lookup(inject.ChainVar)
	chain, err := inject.ParseChain(value)
	switch inChain := ok && err == nil; {
	case !inChain && path.Dir(p.Argv[0]) != inject.RunDir:
		s.say("%s: its interpreter is graft, which would start it without end: name a shell in its first line", p.Argv[0])
		return exitNotExecutable
	case !inChain:
		s.say("%s: started outside a chain of wrappers: %s is not set by graft", p.Argv[0], inject.ChainVar)
		return exitNotFound
	}
	if chain.PID != s.pid {
		// A wrapper only asks the program something, its version say.
		chain.Wrappers = nil
	}
	p = inject.Process{Argv: append([]string{chain.Program}, p.Argv[1:]...), Env: p.Env}
	// The first call has said what is wrong with the settings.
	settings, _ := fragment.ParseSettings(p.Env.Lookup)
	program, err := s.runChain(chain, p, settings)
	if errors.Is(err, syscall.E2BIG) && len(chain.Wrappers) > 0 {
		if s.stops(settings, "%s: left out: %v", program, err) {
			return exitStrict
		}
		chain.Wrappers = nil
		program, err = s.runChain(chain, p, settings)
	}
	return s.failed(program, err)
}

// errStrict is the end that GRAFT_STRICT=1 asks for; all is said.
var errStrict = errors.New("not started")

// runChain starts the next wrapper of a chain, or its program. A wrapper that
// cannot be started is left out with a line, unless the owner is strict. It
// returns what could not be started, and why.
func (s system) runChain(chain inject.Chain, p inject.Process, settings fragment.Settings) (program string, err error) {
	for {
		command, rest := chain.Step(p.Argv[1:], p.Env)
		err := s.execute(command)
		if len(chain.Wrappers) == 0 || errors.Is(err, syscall.E2BIG) {
			return command.Argv[0], err
		}
		if s.stops(settings, "%s: left out: %v", chain.Wrappers[0], err) {
			return "", errStrict
		}
		chain = rest
	}
}

// stops says that something is left out, if GRAFT_LOG wants that said, and
// reports whether it is a reason to stop.
func (s system) stops(settings fragment.Settings, format string, args ...any) bool {
	if settings.Log >= fragment.Warn || settings.Strict {
		s.say(format, args...)
	}
	if settings.Strict {
		s.say(notStarted)
	}
	return settings.Strict
}

// start runs p as it is.
func (s system) start(p inject.Process) int {
	return s.failed(p.Argv[0], s.execute(p))
}

// failed reports that a program could not be started.
func (s system) failed(program string, err error) int {
	if err == errStrict {
		return exitStrict
	}
	s.say("%s: %v", program, err)
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitNotExecutable
}

// execute becomes p, as execvp(3) would find it.
func (s system) execute(p inject.Process) error {
	program := p.Argv[0]
	if strings.Contains(program, "/") || program == "" {
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
	_, _ = fmt.Fprintf(s.stderr, "graft: %s\n", oneLine(fmt.Sprintf(format, args...)))
}
