// Package fragment reads what people write for graft: fragments (one file of
// environment variables per agent), the settings on the function, and the
// dotenv files of the function's owner.
//
// # The file
//
// A fragment holds the variables that an agent's own manual asks for. Only
// what every dotenv reader reads alike is let through, one line at a time:
//
//	NAME=VALUE
//	# a comment, or a blank line
//
// VALUE is bare (quotes inside it are literal; no $, no backslash, no " #"
// inside open quotes), or '…' taken literally, or "…" without $ and backslash.
// CRLF line ends and a trailing " # comment" are fine. Anything else makes
// [Parse] refuse the whole file with its line number. No error of this package
// ever quotes the text of a file: it may hold a secret.
package fragment

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-shellwords"
)

// MaxSize is the largest fragment or dotenv file that is read, in bytes.
const MaxSize = 1 << 20

// A Fragment is one agent's variables, parsed.
type Fragment struct {
	// File is the path that messages name.
	File string
	// Name is the agent's name: NAME of the file NN-NAME.env.
	Name string
	// Vars is everything but the directives, in file order.
	Vars []Var
	// Runtimes is GRAFT_RUNTIMES: the fragment counts only in these. Empty
	// means in all.
	Runtimes []Bound
	// Args is GRAFT_ARGS: arguments for the interpreter.
	Args []string
	// OriginalHandler is GRAFT_ORIGINAL_HANDLER: the variable that receives
	// the handler that _HANDLER of this fragment replaces.
	OriginalHandler string
	// Java is GRAFT_JAVA, "argv" or "env", a default for this agent's JVM
	// options; empty if not given.
	Java string
	// Run is GRAFT_RUN: the command line of a program that the companion keeps
	// running; empty if there is none.
	Run []string
	// RunReady is GRAFT_RUN_READY: how one sees that the program is ready.
	RunReady Ready
	// RunReadyTimeout is GRAFT_RUN_READY_TIMEOUT: how long the start of the
	// function waits for that at most. It is 0 if there is no program.
	RunReadyTimeout time.Duration
}

// A Var is one variable of a file.
type Var struct {
	Name, Value string
}

// Lookup returns the value of the variable name.
func (f Fragment) Lookup(name string) (string, bool) { return Lookup(f.Vars, name) }

// Lookup returns the value of the first of vars with this name.
func Lookup(vars []Var, name string) (string, bool) {
	for _, v := range vars {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

// Only returns the one language that GRAFT_RUNTIMES names, if it names exactly
// one.
func (f Fragment) Only() (Language, bool) {
	if len(f.Runtimes) == 0 {
		return "", false
	}
	first := f.Runtimes[0].Language
	for _, b := range f.Runtimes[1:] {
		if b.Language != first {
			return "", false
		}
	}
	return first, true
}

// Parse reads the fragment data of the agent name; file is the path that
// errors name. The error says the line and the problem, never the text.
func Parse(file, name string, data []byte) (Fragment, error) {
	f := Fragment{File: file, Name: name}
	if len(data) > MaxSize {
		return f, fmt.Errorf("%s: larger than 1 MiB", file)
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return f, fmt.Errorf("%s:1: starts with a byte order mark; save it as UTF-8 without one", file)
	}
	seen := make(map[string]bool)
	for n := 1; len(data) > 0; n++ {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		v, ok, err := parseLine(string(bytes.TrimSuffix(line, []byte("\r"))))
		if err == nil && ok && seen[v.Name] {
			err = fmt.Errorf("%s is given twice", v.Name)
		}
		if err == nil && ok {
			seen[v.Name] = true
			err = f.add(v)
		}
		if err != nil {
			return Fragment{File: file, Name: name}, fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	if err := f.complete(); err != nil {
		return Fragment{File: file, Name: name}, fmt.Errorf("%s: %w", file, err)
	}
	return f, nil
}

// add puts v where it belongs: a directive into its field, all else into Vars.
func (f *Fragment) add(v Var) (err error) {
	switch v.Name {
	case "GRAFT_RUNTIMES":
		f.Runtimes, err = parseBounds(v.Value)
	case "GRAFT_ARGS":
		f.Args, err = Words(v.Value)
		if err == nil && len(f.Args) == 0 {
			err = errors.New("holds no argument")
		}
	case "GRAFT_ORIGINAL_HANDLER":
		f.OriginalHandler = v.Value
		if !validName(v.Value) || strings.HasPrefix(v.Value, "GRAFT_") {
			err = errors.New("must be the name of a variable")
		}
	case "GRAFT_JAVA":
		f.Java = v.Value
		if v.Value != "argv" && v.Value != "env" {
			err = errors.New(`must be "argv" or "env"`)
		}
	case "GRAFT_RUN":
		f.Run, err = Words(v.Value)
		if err == nil && (len(f.Run) == 0 || f.Run[0] == "") {
			err = errors.New("names no program")
		}
	case "GRAFT_RUN_READY":
		f.RunReady, err = parseReady(v.Value)
	case "GRAFT_RUN_READY_TIMEOUT":
		f.RunReadyTimeout, err = parseTimeout(v.Value)
	default:
		if strings.HasPrefix(v.Name, "GRAFT_") {
			return fmt.Errorf("%s is not a directive for a fragment", v.Name)
		}
		f.Vars = append(f.Vars, v)
	}
	if err != nil {
		return fmt.Errorf("%s %w", v.Name, err)
	}
	return nil
}

// complete checks what several lines must say together.
func (f *Fragment) complete() error {
	_, one := f.Only()
	_, redirects := f.Lookup("_HANDLER")
	switch {
	case len(f.Args) > 0 && !one:
		return errors.New("GRAFT_ARGS needs exactly one runtime in GRAFT_RUNTIMES")
	case redirects && !one:
		return errors.New("_HANDLER needs exactly one runtime in GRAFT_RUNTIMES")
	case redirects && f.OriginalHandler == "":
		return errors.New("_HANDLER needs GRAFT_ORIGINAL_HANDLER, the variable that receives the old handler")
	case !redirects && f.OriginalHandler != "":
		return errors.New("GRAFT_ORIGINAL_HANDLER needs _HANDLER")
	case slices.ContainsFunc(f.Vars, func(v Var) bool { return v.Name == f.OriginalHandler }):
		return fmt.Errorf("%s is given a value and named by GRAFT_ORIGINAL_HANDLER", f.OriginalHandler)
	}
	return f.completeRun()
}

// Words splits s as a shell would, without variables and commands. What the
// splitter would silently cut off (at ; & | < >) is an error.
func Words(s string) ([]string, error) {
	// Never the package's own functions: they read globals that turn on
	// variables and command execution.
	p := shellwords.NewParser()
	p.ParseEnv, p.ParseBacktick = false, false
	words, err := p.Parse(s)
	if err != nil {
		// The library's error may hold the text.
		return nil, errors.New("has an open quote or a bracket outside quotes")
	}
	if p.Position >= 0 {
		return nil, fmt.Errorf("stops at byte %d, at one of ; & | < >: quote it", p.Position)
	}
	return words, nil
}
