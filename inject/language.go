package inject

import (
	"path"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A language is everything that graft knows of one kind of runtime. A new
// runtime is one file that fills a language, and one row in languages.
type language struct {
	name fragment.Language
	// program recognises the runtime's program by its base name; the version
	// is what the name says of it.
	program func(base string) (fragment.Version, bool)
	// version reads the version from files beside the program; nil if there
	// are none.
	version func(m Machine, program string) fragment.Version
	// options is the grammar of the runtime's option strings; nil if it has
	// none.
	options *options
	// script returns the index of the first argument that is not the
	// interpreter's: where arguments for the interpreter must stand before.
	// first is the index behind the program.
	script func(argv []string, first int) int
	// handler returns the index of the handler argument, or -1.
	handler func(argv []string, first int) int
	// vetArgs reports why GRAFT_ARGS would keep the runtime from starting the
	// function. Nil if options says it.
	vetArgs func(c *check, args []string) error
	// plan adds what only this runtime needs, after the options and before the
	// lists; nil if there is nothing.
	plan func(*planner)
}

// options describes a runtime's option-string variables.
type options struct {
	// owner are the variables in which the owner's options may stand.
	owner []string
	// env is the variable that takes what goes into the environment.
	env string
	// split takes such a variable apart by the runtime's own quoting rules.
	// On an error it returns the words before it.
	split func(string) ([]word, error)
	// read groups words into options.
	read func([]word) []option
	// vet reports why a fragment's option cannot be applied.
	vet func(c *check, o *option) error
}

// A word is one word of an option string: as written, and as the runtime
// understands it.
type word struct {
	raw, text string
}

// An option is one option of a runtime, of one or two words.
type option struct {
	words []word
	// name is the option without its value, for messages and tables.
	name string
	// value is what the option says; what it loads, for an agent.
	value string
	// key is set if the option holds one value: the later of two wins.
	key string
	// id is the same for options that mean the same: for an agent its path.
	id string
	// loads is set if the option loads code: it is an agent.
	loads bool
	// unlocks is set if the option only allows others to be used: it must
	// stand before them, wherever else it stands too.
	unlocks bool
	// argv is set if the option can stand in the command line only.
	argv bool
}

// A check is what vet needs to judge an option.
type check struct {
	Machine
	rt Runtime
	// env is the environment as it is.
	env Env
	// frag is the fragment that asks.
	frag fragment.Fragment
	// brought are the fragments whose folders count too.
	brought []fragment.Fragment
	// limited is set if GRAFT_RUNTIMES of the fragment limits this runtime's
	// version.
	limited bool
}

// languages has one row per runtime. The last one takes what is left.
var languages = []*language{&java, &nodejs, &python, &dotnet, &ruby, &other}

func languageOf(name fragment.Language) *language {
	for _, l := range languages {
		if l.name == name {
			return l
		}
	}
	return &other
}

// other is every program that graft knows nothing of: Go, Rust, native code.
var other = language{
	name:    fragment.Other,
	program: func(string) (fragment.Version, bool) { return fragment.Version{}, false },
	script:  func(_ []string, first int) int { return first },
	handler: func([]string, int) int { return -1 },
}

// named recognises a program that is called prefix, optionally with a version
// behind it.
func named(base, prefix string) (fragment.Version, bool) {
	if base == prefix {
		return fragment.Version{}, true
	}
	if len(base) < len(prefix) || base[:len(prefix)] != prefix {
		return fragment.Version{}, false
	}
	v, err := fragment.ParseVersion(base[len(prefix):])
	return v, err == nil
}

// beside returns a path relative to the folder of a program.
func beside(program, relative string) string {
	return path.Join(path.Dir(program), relative)
}
