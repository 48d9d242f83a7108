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

// RunsSelf reports whether a program is a script that the wrapper itself
// interprets: to start it is to start the wrapper again, with the script as its
// program.
func (m Machine) RunsSelf(program string, env Env) bool {
	interpreter := m.shebang(m.lookPath(program, env), env)
	return interpreter != "" && m.sameFile(interpreter, m.Self)
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
