package inject

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// Ruby takes its options apart at white space and nothing groups, so that a
// path with a blank cannot stand in RUBYOPT: RUBYLIB and a bare name do it.
var ruby = language{
	name:    fragment.Ruby,
	program: func(base string) (fragment.Version, bool) { return named(base, "ruby") },
	options: &options{
		owner: []string{"RUBYOPT"},
		env:   "RUBYOPT",
		split: splitBlanks,
		read:  readRuby,
		vet:   vetRuby,
	},
	script: rubyScript,
	handler: func(argv []string, first int) int {
		at := rubyScript(argv, first)
		if at+1 < len(argv) && path.Base(argv[at]) == "aws_lambda_ric" {
			return at + 1
		}
		return -1
	},
}

// rubyTwoWords are the options whose value may be the next argument.
var rubyTwoWords = set("-r", "-I", "-E", "--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable")

// rubyScript returns the index of the script.
func rubyScript(argv []string, first int) int {
	for i := first; i < len(argv); i++ {
		switch arg := argv[i]; {
		case !strings.HasPrefix(arg, "-") || arg == "-" || arg == "-e":
			return i
		case rubyTwoWords[arg] || arg == "-C":
			i++
		}
	}
	return len(argv)
}

func readRuby(words []word) []option {
	opts := make([]option, 0, len(words))
	for i := 0; i < len(words); i++ {
		w := words[i]
		o := option{words: words[i : i+1], name: w.text, id: w.text}
		if rubyTwoWords[w.text] && i+1 < len(words) {
			i++
			o.words = words[i-1 : i+1]
			// -r X and -rX, --enable X and --enable=X are one option.
			sep := ""
			if strings.HasPrefix(w.text, "--") {
				sep = "="
			}
			w.text += sep + words[i].text
			o.id = w.text
		}
		switch {
		case strings.HasPrefix(w.text, "-r"):
			o.loads, o.name, o.value = true, "-r", w.text[2:]
			if path.IsAbs(o.value) {
				o.id = "-r" + path.Clean(o.value)
			}
		case strings.HasPrefix(w.text, "-W:"):
			// A category of warnings: these add up.
		case strings.HasPrefix(w.text, "-W"), strings.HasPrefix(w.text, "-E"), strings.HasPrefix(w.text, "-K"):
			o.name, o.value = w.text[:2], w.text[2:]
			o.key = o.name
		case strings.HasPrefix(w.text, "--encoding="), strings.HasPrefix(w.text, "--external-encoding="), strings.HasPrefix(w.text, "--internal-encoding="):
			o.name, o.value, _ = strings.Cut(w.text, "=")
			o.key = o.name
		}
		opts = append(opts, o)
	}
	return opts
}

// rubyTakes are the options that RUBYOPT may hold, by prefix.
var rubyTakes = []string{"-r", "-w", "-W", "-d", "-E", "-I", "-K", "-U", "--debug", "--disable", "--enable", "--encoding=",
	"--external-encoding=", "--internal-encoding=", "--jit", "--yjit", "--rjit", "--zjit", "--verbose", "--parser=",
	"--backtrace-limit=", "--crash-report="}

// rubyRefuses reports whether a word is an option that ends Ruby when it
// stands in RUBYOPT, or makes it do something else than run its script.
func rubyRefuses(text string) bool {
	return strings.HasPrefix(text, "-") && !hasAnyPrefix(text, rubyTakes...)
}

func vetRuby(c *check, o *option) error {
	text := o.words[0].text
	if len(o.words) > 1 && o.argv {
		text = o.id
	}
	switch {
	case !strings.HasPrefix(text, "-"):
		return fmt.Errorf("a word that is no option: a path with a blank cannot stand in RUBYOPT, use RUBYLIB and a bare -rNAME")
	case rubyRefuses(text):
		return fmt.Errorf("%s: would keep Ruby from starting the function", shortOption(text))
	case rubyTwoWords[text]:
		return fmt.Errorf("%s: write its value without a blank", text)
	case hasAnyPrefix(text, "--yjit", "--jit", "--rjit", "--zjit", "--parser", "--backtrace-limit", "--crash-report", "--enable", "--disable") && !c.limited:
		return fmt.Errorf("%s: is not in every Ruby version: give a bound in GRAFT_RUNTIMES, such as ruby>=3.2", shortOption(text))
	case o.loads:
		return c.rubyFeature(o.value)
	case strings.HasPrefix(text, "-I") && !path.IsAbs(text[2:]):
		return fmt.Errorf("-I: %q is a relative path", text[2:])
	}
	return nil
}

// rubyFeature reports why -rNAME cannot be loaded.
func (c *check) rubyFeature(name string) error {
	if strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		return fmt.Errorf("%q is a relative path: it would change its meaning with the working directory", name)
	}
	if path.IsAbs(name) {
		err := c.loadable(name)
		for _, suffix := range []string{"", ".rb", ".so"} {
			if err == nil || c.loadable(name+suffix) == nil {
				return nil
			}
		}
		return err
	}
	dirs := c.folders("RUBYLIB")
	gem, _, _ := strings.Cut(name, "/")
	for _, dir := range c.folders("GEM_PATH") {
		for _, found := range c.foldersIn(path.Join(dir, "gems"), gem+"-") {
			dirs = append(dirs, path.Join(found, "lib"))
		}
	}
	// The standard library stands beside the program.
	for _, dir := range append(dirs, c.foldersIn(beside(c.rt.Path, "../lib/ruby"), "")...) {
		for _, suffix := range []string{"", ".rb", ".so"} {
			if c.isFile(path.Join("/", dir, name+suffix)) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s: no such file in RUBYLIB or GEM_PATH", name)
}

// foldersIn lists what a folder holds under names that begin so.
func (c *check) foldersIn(dir, prefix string) []string {
	entries, err := fs.ReadDir(c.Root, fragment.Rel(dir))
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			list = append(list, path.Join(dir, e.Name()))
		}
	}
	return list
}
