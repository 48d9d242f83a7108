package inject

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// rubyTwoWords are the options whose value may be the next argument.
var rubyTwoWords = set("-r", "-I", "-E", "--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable")

// rubyLongValues are the long ones of any command line.
var rubyLongValues = set("--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable", "--parser", "--dump", "--backtrace-limit", "--crash-report")

// rubyScript returns the index of the script, or of the argument with -e.
func rubyScript(argv []string, first int) int {
	for i := first; i < len(argv); i++ {
		switch arg := argv[i]; {
		case !strings.HasPrefix(arg, "-") || arg == "-" || arg == "--":
			return i
		case strings.HasPrefix(arg, "--"):
			if rubyLongValues[arg] {
				i++
			}
		default:
			switch b := cutRuby(arg); {
			case b.letter == 'e':
				return i
			case b.letter != 0 && b.value == "":
				i++
			}
		}
	}
	return len(argv)
}

// cutRuby takes combined short options apart: to the first that takes a value.
func cutRuby(arg string) bundle {
	for i := 1; i < len(arg); i++ {
		switch {
		case strings.IndexByte("eIrECX", arg[i]) >= 0:
			return bundle{arg[1:i], arg[i], arg[i+1:]}
		case strings.IndexByte("xiF", arg[i]) >= 0, strings.HasPrefix(arg[i:], "W:"):
			// What follows is this one's, as in -i.Ebak and -W:experimental.
			return bundle{flags: arg[1:]}
		case arg[i] == 'K':
			// One letter belongs to it, as in -Ku and -Ke.
			i++
		}
	}
	return bundle{flags: arg[1:]}
}

// rubyEncodingKey is the one key of all that say an encoding: Ruby ends with
// exit status 1 if two of them differ.
const rubyEncodingKey = "encoding"

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
		case w.text == "-w", w.text == "-W":
			o.key, o.value = "-W", "2"
		case strings.HasPrefix(w.text, "-W"):
			o.name, o.value = w.text[:2], w.text[2:]
			o.key = o.name
		case w.text == "-U", strings.HasPrefix(w.text, "-E"), strings.HasPrefix(w.text, "-K"):
			o.name, o.value, o.key = w.text[:2], w.text, rubyEncodingKey
		case hasAnyPrefix(w.text, "--encoding=", "--external-encoding=", "--internal-encoding="):
			o.name, _, _ = strings.Cut(w.text, "=")
			o.value, o.key = w.text, rubyEncodingKey
		}
		opts = append(opts, o)
	}
	return opts
}

var (
	// rubyWords are the options that graft takes as they are.
	rubyWords = set("-w", "-W", "-W0", "-W1", "-W2", "-d", "-U", "--debug", "--verbose")
	// rubyCategories are what -W: switches. A Ruby that does not know one
	// warns and goes on.
	rubyCategories = set("deprecated", "experimental", "performance", "strict_unused_block")
	// rubyFeatures are what --enable and --disable switch, less those by
	// which agents load: gems and rubyopt.
	rubyFeatures = set("did_you_mean", "error_highlight", "syntax_suggest", "frozen-string-literal", "frozen_string_literal", "jit", "yjit")
	// rubyEncodings are those that Ruby itself runs with: with UTF-16 or
	// UTF-32 it ends before its script.
	rubyEncodings = set("utf-8", "us-ascii", "ascii-8bit", "binary", "iso-8859-1", "iso-8859-15", "windows-1252", "windows-31j", "shift_jis", "euc-jp")
)

// vetRuby refuses what would end Ruby in RUBYOPT, or make it do something else
// than run its script. What is left out here may be right: graft takes what it
// knows to start.
func vetRuby(c *check, o *option) error {
	text := o.words[0].text
	if len(o.words) > 1 && o.argv {
		text = o.id
		if o.loads {
			text = "-r" + o.value
		}
	}
	name, value, joined := strings.Cut(text, "=")
	switch {
	case !strings.HasPrefix(text, "-"):
		return errors.New("a word that is no option: a path with a blank cannot stand in RUBYOPT, use RUBYLIB and a bare -rNAME")
	case rubyTwoWords[text]:
		return fmt.Errorf("%s: write its value without a blank", text)
	case o.key == rubyEncodingKey:
		return c.rubyEncoding(o, text)
	case rubyWords[text]:
		return nil
	case strings.HasPrefix(text, "-W:"):
		if !rubyCategories[strings.TrimPrefix(text[3:], "no-")] {
			return errors.New("-W: is no category of warnings that graft knows")
		}
		return nil
	case o.loads:
		return c.rubyFeature(o.value)
	case strings.HasPrefix(text, "-I"):
		if !path.IsAbs(text[2:]) {
			return fmt.Errorf("-I: %q is a relative path", text[2:])
		}
		return nil
	case hasAnyPrefix(text, "-w", "-W", "-d", "--debug", "--verbose"):
		return fmt.Errorf("%s: is no option that graft knows of Ruby: one a word, and no value", shortOption(text))
	}
	var known bool
	switch name {
	case "--yjit", "--jit":
		known = !joined
	case "--yjit-call-threshold", "--yjit-exec-mem-size":
		known = span{1, 4096, false}.holds(value)
	case "--enable", "--disable":
		known = rubyFeatures[value]
	default:
		return fmt.Errorf("%s: would keep Ruby from starting the function", shortOption(text))
	}
	switch {
	case !known:
		return fmt.Errorf("%s: not with this value", name)
	case !c.limited:
		return fmt.Errorf("%s: is not in every Ruby version: give a bound in GRAFT_RUNTIMES, such as ruby>=3.2", name)
	}
	return nil
}

// rubyEncoding reports why Ruby would end over an encoding.
func (c *check) rubyEncoding(o *option, text string) error {
	names, value := 1, ""
	switch o.name {
	case "-U":
		names = 0
	case "-K":
		if len(text) != 3 || strings.IndexByte("euasnEUASN", text[2]) < 0 {
			return errors.New("-K: takes one of e, u, a, s and n")
		}
		names = 0
	case "-E":
		names, value = 2, text[2:]
	default:
		_, value, _ = strings.Cut(text, "=")
		if o.name == "--encoding" {
			names = 2
		}
	}
	list := strings.Split(value, ":")
	if names == 2 && len(list) == 2 {
		// Either half may be left out, not both.
		list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
		names = max(len(list), 1)
	}
	if names > 0 && (len(list) == 0 || len(list) > names || slices.ContainsFunc(list, func(s string) bool { return !rubyEncodings[strings.ToLower(s)] })) {
		return fmt.Errorf("%s: is no encoding that graft knows Ruby to start with", o.name)
	}
	if other := c.beside(o, "RUBYOPT", splitBlanks, readRuby); other != "" {
		return fmt.Errorf("%s: cannot stand beside %s: -E says both, as in -Eutf-8:utf-8", o.name, other)
	}
	return nil
}
