package main

import (
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/layers/check"
)

// A list collects the values of a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

// A duration is the value of a flag that wants a unit.
type duration time.Duration

func (d *duration) String() string { return time.Duration(*d).String() }

func (d *duration) Set(value string) error {
	parsed, err := time.ParseDuration(value)
	if err != nil {
		if _, err := strconv.ParseUint(value, 10, 31); err == nil {
			return fmt.Errorf("a unit is missing: %ss are seconds, %sms thousandths", value, value)
		}
		return errors.New("want a number with its unit, such as 5s, 300ms or 1m30s")
	}
	*d = duration(parsed)
	return nil
}

// parse reads the flags of a command. Help goes where it was asked for, an
// error comes back.
func parse(flags *flag.FlagSet, args []string, help string, stdout io.Writer) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return err
	case err != nil:
		return usageError{error: fmt.Errorf("%s; %s -h lists the flags", wrongFlag(flags, err), flags.Name())}
	}
	return nil
}

// meant asks for the one of names that a misspelt one is closest to, if it is
// close to one. What stands before each of them is shown, too.
func meant(before, name string, names []string) string {
	if best := check.Nearest(strings.ToLower(name), names); best != "" {
		return ": is " + before + best + " meant?"
	}
	return ""
}

// notEmpty returns an error for the first of the flags that was given without
// a value, such as that of a shell's variable which is not set.
func notEmpty(flags *flag.FlagSet, names ...string) (err error) {
	flags.Visit(func(f *flag.Flag) {
		if err == nil && slices.Contains(names, f.Name) && f.Value.String() == "" {
			err = fmt.Errorf("--%s: \"\": want a value; is a variable of the shell not set?", f.Name)
		}
	})
	return err
}

// ownWords are what the package flag says of a command line, and how graft says
// it: flags have two dashes here, and stand first.
var ownWords = []struct {
	text *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?s)^invalid value ("(?:[^"\\]|\\.)*") for flag -([^:]*): parse error$`), "--$2: $1: want a whole number"},
	{regexp.MustCompile(`(?s)^flag needs an argument: -(.*)$`), "--$1: needs a value"},
	{regexp.MustCompile(`(?s)^invalid value ("(?:[^"\\]|\\.)*") for flag -([^:]*): (.*)$`), "--$2: $1: $3"},
	{regexp.MustCompile(`(?s)^invalid boolean value ("(?:[^"\\]|\\.)*") for -([^:]*): .*$`), "--$2: $1: takes no value, or true or false"},
}

// wrongFlag is what is wrong with a flag.
func wrongFlag(flags *flag.FlagSet, err error) string {
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		var names []string
		flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
		return "--" + name + ": no such flag" + meant("--", name, names)
	}
	for _, w := range ownWords {
		if w.text.MatchString(err.Error()) {
			return w.text.ReplaceAllString(err.Error(), w.as)
		}
	}
	return err.Error()
}

// operands reads the flags of a command that takes paths, and returns those.
// Flags may stand behind them, too; what follows "--" is a path.
func operands(flags *flag.FlagSet, args []string, help string, stdout io.Writer) (paths []string, err error) {
	for {
		if err := parse(flags, args, help, stdout); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if len(rest) == 0 || ended(args, rest) {
			return append(paths, rest...), nil
		}
		paths, args = append(paths, rest[0]), rest[1:]
	}
}

// commandLine reads the flags of a command that starts a program, and returns
// that one's command line. It stands behind "--", so that nobody takes its
// flags for those of graft.
func commandLine(flags *flag.FlagSet, args []string, help string, stdout io.Writer) ([]string, error) {
	if err := parse(flags, args, help, stdout); err != nil {
		return nil, err
	}
	rest := flags.Args()
	switch {
	case ended(args, rest) && len(rest) > 0 && rest[0] == "":
		return nil, usageError{error: errors.New("the command behind --: \"\": want a program; is a variable of the shell not set?")}
	case len(rest) > 0 && !ended(args, rest):
		// A variable without its --env, perhaps: its value may be a secret.
		name, _, variable := strings.Cut(rest[0], "=")
		if variable {
			name += "=…"
		}
		if given := pathFlag(flags, rest[0]); given != "" {
			return nil, usageError{error: fmt.Errorf("%q is no flag: is --%s %s meant?", name, given, name)}
		}
		return nil, usageError{error: fmt.Errorf("%q is no flag; a command stands behind --: %s [FLAG…] -- COMMAND…", name, flags.Name())}
	}
	return rest, nil
}

// pathFlag is the flag that a path which is there was probably meant for.
func pathFlag(flags *flag.FlagSet, path string) string {
	info, err := os.Stat(path)
	name := ""
	switch {
	case err != nil:
	case isTemplate(path):
		name = "template"
	case info.IsDir(), strings.HasSuffix(path, ".zip"):
		name = "layer"
	}
	if flags.Lookup(name) == nil {
		return ""
	}
	return name
}

// ended reports whether "--" has ended the flags in front of the rest.
func ended(args, rest []string) bool {
	flags := len(args) - len(rest)
	return flags > 0 && args[flags-1] == "--"
}

// knownArch is an architecture that --arch names, in Go's words or in Lambda's,
// as Go names it.
func knownArch(arch string) (string, error) {
	if name := native.FromLambda(arch); name != "" {
		return name, nil
	}
	if native.Machine(arch) != elf.EM_NONE {
		return arch, nil
	}
	return "", usageError{error: fmt.Errorf("--arch: %q: Lambda has amd64 (x86_64) and arm64", arch)}
}
