package inject

import (
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

// A Runtime is what a process is about to run.
type Runtime struct {
	Language fragment.Language
	// Version may be unknown.
	Version fragment.Version
	Form    Form
	// Program is the index in argv of the runtime's program.
	Program int
	// Path is the absolute path of the program with links followed; empty if
	// it was not found. For a script it is the interpreter's.
	Path string
}

// A Form says how much of a command line may be touched.
type Form int

const (
	// Binary is a program that graft knows nothing of.
	Binary Form = iota
	// Interpreter is the runtime itself: its arguments may be edited.
	Interpreter
	// Script is a shell or a script: it starts the runtime later and in its
	// own way, so arguments, handler and next wrapper are left alone.
	Script
)

// A Machine is what a plan may look at besides the process: files, only.
type Machine struct {
	// Root is the file system whose root is "/".
	Root fs.FS
	// Dir is the working directory, absolute.
	Dir string
	// Arch is the processor as Go names it: amd64, arm64.
	Arch string
	// Self is the path of the wrapper itself.
	Self string
	// Resolve answers questions, one each, with the environment env and within
	// limit. Nil: references stay as they are.
	Resolve func(env Env, questions []string, limit time.Duration) []reference.Answer
}

// Detect finds out what p is about to run: GRAFT_RUNTIME if set, else the
// program itself, else AWS_EXECUTION_ENV, which in container images is absent
// or generic (https://github.com/aws/aws-lambda-base-images/issues/15).
func Detect(p Process, s fragment.Settings, m Machine) Runtime {
	rt := Runtime{Language: fragment.Other}
	if len(p.Argv) == 0 {
		return rt
	}
	rt.Program = skipEnv(p.Argv)
	found := m.identify(m.lookPath(p.Argv[rt.Program], p.Env), p.Env)
	if found.form != Interpreter {
		// Another vendor's wrapper in front: the runtime is its first argument.
		next := rt.Program + 1
		if next < len(p.Argv) && p.Argv[next] == "--" {
			next++
		}
		if next < len(p.Argv) && path.IsAbs(p.Argv[next]) && !isShell(path.Base(p.Argv[rt.Program])) {
			if behind := m.identify(p.Argv[next], p.Env); behind.lang != nil && behind.form == Interpreter {
				rt.Program, found = next, behind
			}
		}
	}
	rt.Form, rt.Path = found.form, found.path
	if found.lang != nil {
		rt.Language, rt.Version = found.lang.name, found.version
	}

	execLang, execVersion := fragment.Language(""), fragment.Version{}
	if name, ok := p.Env.Lookup("AWS_EXECUTION_ENV"); ok {
		name, _ = strings.CutPrefix(name, "AWS_Lambda_")
		if lang, v, err := fragment.ParseRuntime(name); err == nil {
			execLang, execVersion = lang, v
		}
	}
	switch {
	case s.Runtime != "":
		if rt.Language != s.Runtime {
			rt.Version = fragment.Version{}
		}
		rt.Language = s.Runtime
		if rt.Form == Binary && s.Runtime != fragment.Other {
			rt.Form = Interpreter
		}
	case found.lang == nil && execLang != "":
		rt.Language = execLang
	}
	if s.Runtime != "" && s.Version.Known() {
		rt.Version = s.Version
	}
	if !precise(rt.Version) && rt.Path != "" {
		if l := languageOf(rt.Language); l.version != nil {
			if v := l.version(m, rt.Path); v.Known() && !s.Version.Known() {
				rt.Version = v
			}
		}
	}
	if !rt.Version.Known() && rt.Language == execLang {
		rt.Version = execVersion
	}
	return rt
}

// precise reports whether a version says more than its major number.
func precise(v fragment.Version) bool { return v.Known() && v.Minor != fragment.Newest }

// skipEnv returns the index of the program behind "env NAME=VALUE…".
func skipEnv(argv []string) int {
	if path.Base(argv[0]) != "env" {
		return 0
	}
	for i := 1; i < len(argv); i++ {
		switch {
		case argv[i] == "--" || strings.Contains(argv[i], "="):
		case strings.HasPrefix(argv[i], "-"):
			// An option may clear or change the environment.
			return 0
		default:
			return i
		}
	}
	return 0
}
