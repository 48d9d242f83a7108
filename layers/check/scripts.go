package check

import (
	"path"
	"slices"
	"strings"
)

// systemPrograms are the interpreters that Lambda's systems have, in the
// managed runtimes (Amazon Linux 2 and 2023) and in the OS-only ones.
var systemPrograms = []string{"/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash", "/usr/bin/env", "/bin/env"}

// inFolder reports whether name lies directly in dir.
func inFolder(name, dir string) bool { return path.Dir(name) == dir }

// mustRun reports whether the file is a program by its place and content:
// Lambda, graft or a search path starts what is there.
func (e *entry) mustRun() bool {
	if own(e.name) || inFolder(e.name, "graft-run") {
		return true
	}
	return e.runs() && (inFolder(e.name, "extensions") || inFolder(e.name, "bin"))
}

// runs reports whether the content is that of a program: a script, or native.
func (e *entry) runs() bool { return e.first != "" || e.object != nil && isProgram(e.object) }

// scripts checks the first lines of the scripts that are started by
// themselves. A CRLF is looked for in every script that may be executed.
func (s *stack) scripts(r *root) {
	for _, l := range s.layers {
		for _, e := range l.files() {
			if e.first == "" || !e.program() && !e.mustRun() {
				continue
			}
			started := e.mustRun() || !strings.Contains(e.name, "/")
			switch interpreter, arg := shebang(e.first); {
			case strings.HasSuffix(e.first, "\r"):
				l.found.add("script-crlf", e.place(), 1, "the first line ends with CRLF")
			case !started:
			case !path.IsAbs(interpreter):
				l.found.add("script-interpreter", e.place(), 1, "%q is no absolute path", interpreter)
			case path.Base(interpreter) == "env" && slices.Contains(systemPrograms, interpreter):
				if missing := s.notInPath(r, arg); missing != "" {
					l.found.add("script-interpreter", e.place(), 1, "%s", missing)
				}
			case slices.Contains(systemPrograms, interpreter), strings.HasPrefix(interpreter, "/var/lang/"):
			case !r.has(interpreter):
				l.found.add("script-interpreter", e.place(), 1, "%s: no such file in Lambda's systems or the layers", interpreter)
			}
		}
	}
}

// shebang returns the interpreter of a first line and the program that env is
// to find.
func shebang(line string) (interpreter, arg string) {
	words := strings.Fields(strings.TrimPrefix(line, "#!"))
	if len(words) == 0 {
		return "", ""
	}
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
			return words[0], w
		}
	}
	return words[0], ""
}

// notInPath says why env cannot find a program; empty if it can, or if that
// depends on a runtime that is not known here.
func (s *stack) notInPath(r *root, program string) string {
	switch {
	case program == "" || strings.Contains(program, "/"):
		return ""
	case slices.Contains(systemPrograms, "/bin/"+program), r.has("/opt/bin/" + program):
		return ""
	}
	if len(s.runtimes) == 0 {
		return ""
	}
	for _, rt := range s.runtimes {
		if !hasProgram(rt, program) {
			return program + ": " + rt.Name + " has no such program"
		}
	}
	return ""
}

// has reports whether there is a file at an absolute path.
func (r *root) has(file string) bool {
	_, err := r.resolve(strings.TrimPrefix(path.Clean(file), "/"), true)
	return err == nil
}
