package inject

import (
	"bytes"
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
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

// identity is what identify finds out about one file.
type identity struct {
	lang    *language
	version fragment.Version
	form    Form
	path    string
}

// identify says what a program is by its name, else by what its name links
// to, else by its first line.
func (m Machine) identify(program string, env Env) identity {
	id := m.named(program)
	if program == "" || id.lang != nil || id.form == Script {
		return id
	}
	interpreter := m.shebang(id.path, env)
	if interpreter == "" {
		return id
	}
	// An interpreter that is itself a script ends the search.
	script := m.named(interpreter)
	script.form = Script
	return script
}

// named says what a program is by its name and what its name links to.
func (m Machine) named(program string) identity {
	id := identity{path: program}
	for range 8 {
		base := path.Base(id.path)
		if isShell(base) || strings.HasSuffix(base, ".sh") {
			id.form = Script
			return id
		}
		for _, l := range languages {
			if v, ok := l.program(base); ok {
				id.form = Interpreter
				if v.Known() || id.lang != l {
					id.lang, id.version = l, v
				}
				break
			}
		}
		// The end of the links says more: python3 -> python3.11, and the
		// files beside a program are beside its real place.
		target, err := fs.ReadLink(m.Root, fragment.Rel(id.path))
		if err != nil {
			break
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(id.path), target)
		}
		id.path = target
	}
	return id
}

// shebang returns the program that the first line of a script names, through
// env; empty if the file is no script.
func (m Machine) shebang(file string, env Env) string {
	head, err := m.head(file, 256)
	if err != nil || !bytes.HasPrefix(head, []byte("#!")) {
		return ""
	}
	line, _, _ := strings.Cut(string(head[2:]), "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return "sh"
	}
	if path.Base(words[0]) == "env" {
		for _, w := range words[1:] {
			if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
				return cmp.Or(m.lookPath(w, env), w)
			}
		}
	}
	return words[0]
}

// head returns at most n bytes from the start of a regular file.
func (m Machine) head(file string, n int) ([]byte, error) {
	f, err := m.open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, n)
	n, err = f.Read(buf)
	if n > 0 {
		err = nil
	}
	return buf[:n], err
}

// lookPath returns the absolute path of a program as execvp(3) would find it,
// or "" if it does not.
func (m Machine) lookPath(program string, env Env) string {
	if strings.Contains(program, "/") {
		return m.abs(program)
	}
	for _, dir := range strings.Split(SearchPath(env), ":") {
		file := m.abs(path.Join(dir, program))
		if info, err := fs.Stat(m.Root, fragment.Rel(file)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// SearchPath returns PATH, or what execvp(3) takes for it if it is not set.
func SearchPath(env Env) string {
	if p, ok := env.Lookup("PATH"); ok {
		return p
	}
	return "/usr/local/bin:/bin:/usr/bin"
}

func (m Machine) abs(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join("/", m.Dir, p)
}

func isShell(base string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"}, base)
}
