package inject

import (
	"errors"
	"fmt"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// pythonHashPycs is the one long option with a value: the next word.
const pythonHashPycs = "--check-hash-based-pycs"

// A bundle is one argument of combined short options, taken apart as getopt
// does: "-um" is -u and -m.
type bundle struct {
	// flags are the letters before the one that takes a value.
	flags string
	// letter takes a value; 0 if none does.
	letter byte
	// value stands behind the letter; if it is empty the next word is it.
	value string
}

// cutBundle takes "-xyz" apart; values are the letters that take one.
func cutBundle(arg, values string) bundle {
	letters := arg[1:]
	if i := strings.IndexAny(letters, values); i >= 0 {
		return bundle{letters[:i], letters[i], letters[i+1:]}
	}
	return bundle{flags: letters}
}

// pythonScript returns the index of the script, or of the argument with -m or
// -c.
func pythonScript(argv []string, first int) int {
	at, _ := pythonMain(argv, first)
	return at
}

// pythonMain also returns the bundle with -m or -c, if that says what to run.
func pythonMain(argv []string, first int) (int, bundle) {
	for i := first; i < len(argv); i++ {
		switch arg := argv[i]; {
		case !strings.HasPrefix(arg, "-") || arg == "-" || arg == "--":
			return i, bundle{}
		case arg == pythonHashPycs:
			i++
		case strings.HasPrefix(arg, "--"):
		default:
			switch b := cutBundle(arg, "mcWX"); {
			case b.letter == 'm' || b.letter == 'c':
				return i, b
			case b.letter != 0 && b.value == "":
				i++
			}
		}
	}
	return len(argv), bundle{}
}

// pythonHandler returns the index of the argument behind -m awslambdaric.
func pythonHandler(argv []string, first int) int {
	at, b := pythonMain(argv, first)
	if b.letter != 'm' {
		return -1
	}
	if b.value == "" && at+1 < len(argv) {
		at++
		b.value = argv[at]
	}
	if b.value == "awslambdaric" && at+1 < len(argv) {
		return at + 1
	}
	return -1
}

// vetPythonArgs refuses options that would keep Python from starting the
// function, or from reading PYTHONPATH.
func vetPythonArgs(c *check, args []string) error {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			// The search for the script says what is amiss.
			return nil
		}
		b := bundle{value: ""}
		if arg == pythonHashPycs {
			b.letter = '-'
		} else if b = cutBundle(arg, "mcWX"); arg == "-" || b.letter == 'm' || b.letter == 'c' || strings.Trim(b.flags, "bBdOqsuv") != "" {
			return fmt.Errorf("%s: would keep Python from starting the function, or from reading PYTHONPATH", shortOption(arg))
		}
		if b.letter != 0 && b.value == "" {
			if i++; i == len(args) {
				return fmt.Errorf("%s: %w", arg, errNoValue)
			}
			b.value = args[i]
		}
		switch {
		case b.letter == '-' && b.value != "always" && b.value != "never" && b.value != "default":
			return errors.New(pythonHashPycs + ": takes always, never and default only")
		case b.letter == 'X':
			if err := c.pythonX(b.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// A pythonX is one option of -X.
type pythonX struct {
	// minor is the version of Python 3 that brought it; 0 if all have it.
	minor int
	// bare is set if it may stand without a value.
	bare bool
	// words and numbers are the values that it takes.
	words   []string
	numbers span
}

var pythonXs = map[string]pythonX{
	"dev":                   {bare: true},
	"importtime":            {bare: true},
	"faulthandler":          {bare: true},
	"showrefcount":          {bare: true},
	"utf8":                  {bare: true, words: []string{"0", "1"}},
	"tracemalloc":           {bare: true, numbers: span{min: 1, max: 65535}},
	"warn_default_encoding": {minor: 10, bare: true},
	"no_debug_ranges":       {minor: 11, bare: true},
	"frozen_modules":        {minor: 11, bare: true, words: []string{"on", "off"}},
	"int_max_str_digits":    {minor: 11, numbers: span{640, 2147483647, true}},
	"perf":                  {minor: 12, bare: true},
}

// pythonX reports why an option of -X may end Python, or do nothing.
func (c *check) pythonX(text string) error {
	name, value, joined := strings.Cut(text, "=")
	x, known := pythonXs[name]
	if !known {
		return errors.New("-X: is none of those that graft knows to start")
	}
	good := x.bare
	if joined {
		good = x.numbers.max > 0 && x.numbers.holds(value)
		for _, w := range x.words {
			good = good || w == value
		}
	}
	switch v := c.rt.Version; {
	case !good:
		return fmt.Errorf("-X %s: not with this value", name)
	case x.minor > 0 && precise(v) && v.Compare(fragment.Version{Major: 3, Minor: x.minor}) < 0:
		return fmt.Errorf("-X %s: needs Python 3.%d", name, x.minor)
	case x.minor > 0 && !c.limited:
		return fmt.Errorf("-X %s: is not in every Python version: give a bound in GRAFT_RUNTIMES, such as python>=3.%d", name, x.minor)
	}
	return nil
}
