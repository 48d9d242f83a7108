package inject

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// Java options go into the command line, not into JAVA_TOOL_OPTIONS: the JVM
// would print the whole variable to the log, and every child JVM would load
// the agents too. Agents stand right behind the program, so that they see the
// runtime's own; other options stand last before the class path, so that they
// win over the runtime's.
var java = language{
	name:    fragment.Java,
	program: func(base string) (fragment.Version, bool) { return fragment.Version{}, base == "java" },
	version: javaRelease,
	options: &options{
		owner: []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"},
		env:   "JAVA_TOOL_OPTIONS",
		split: splitJVM,
		read:  readJava,
		vet:   vetJava,
	},
	script: func(argv []string, first int) int {
		_, end := javaArguments(argv, first)
		return end
	},
	handler: func(argv []string, first int) int {
		if main, ok := javaMain(argv, first); ok && main+1 < len(argv) {
			return main + 1
		}
		return -1
	},
	plan: planJava,
}

// javaRelease reads JAVA_VERSION from the file "release" of a JDK.
func javaRelease(m Machine, program string) fragment.Version {
	head, err := m.head(beside(program, "../release"), 4096)
	if err != nil {
		return fragment.Version{}
	}
	_, rest, ok := strings.Cut("\n"+string(head), "\nJAVA_VERSION=\"")
	if !ok {
		return fragment.Version{}
	}
	number, _, _ := strings.Cut(rest, `"`)
	// Java 8 calls itself 1.8.
	v, err := fragment.ParseVersion(strings.TrimPrefix(number, "1."))
	if err != nil {
		return fragment.Version{}
	}
	return v
}

// readJava groups words into options. Sizes have their -XX names and the
// collectors one key, so that two ways to say a thing are one option.
func readJava(words []word) []option {
	opts := make([]option, 0, len(words))
	for i := 0; i < len(words); i++ {
		text := words[i].text
		o := option{words: words[i : i+1], name: text, id: text}
		if twoWords[text] && i+1 < len(words) {
			i++
			o.words = words[i-1 : i+1]
			o.value = words[i].text
			// --add-opens X and --add-opens=X are one option.
			o.id = text + "=" + o.value
			opts = append(opts, o)
			continue
		}
		switch {
		case strings.HasPrefix(text, "-javaagent:"), strings.HasPrefix(text, "-agentpath:"), strings.HasPrefix(text, "-agentlib:"):
			kind, target, _ := strings.Cut(text, ":")
			target, _, _ = strings.Cut(target, "=")
			o.loads, o.name, o.value = true, kind, target
			if kind != "-agentlib" {
				target = path.Clean(target)
			}
			o.id = kind + ":" + target
		case strings.HasPrefix(text, "-D"):
			o.name, o.value, _ = strings.Cut(text, "=")
			o.key = o.name
		case strings.HasPrefix(text, "-XX:+"), strings.HasPrefix(text, "-XX:-"):
			o.name, o.value = "-XX:"+text[5:], text[4:5]
			o.key = o.name
			switch {
			case o.value == "+" && collectors[text[5:]]:
				o.key, o.value = collectorKey, text[5:]
			case o.value == "+" && strings.HasPrefix(text[5:], "Unlock"):
				o.key, o.unlocks = "", true
			}
		case strings.HasPrefix(text, "-XX:"):
			o.name, o.value, _ = strings.Cut(text, "=")
			o.key = o.name
			if size, ok := sizeNames[o.name]; ok {
				o.key = size
			}
		case len(text) > 4 && sizeNames[text[:4]] != "":
			o.name, o.value = text[:4], text[4:]
			o.key = sizeNames[o.name]
		case strings.HasPrefix(text, "--"):
			o.name, o.value, _ = strings.Cut(text, "=")
		case strings.HasPrefix(text, "-Xbootclasspath/a:"):
			o.name, o.value = "-Xbootclasspath/a", text[len("-Xbootclasspath/a:"):]
		}
		opts = append(opts, o)
	}
	return opts
}

// javaArguments returns the JVM's own arguments and the index of the first
// that is not: where the class path or the main class begins.
func javaArguments(argv []string, first int) (opts []word, end int) {
	i := first
	for i < len(argv) && !beginsMain(argv[i]) {
		opts = append(opts, word{argv[i], argv[i]})
		if twoWords[argv[i]] && i+1 < len(argv) {
			i++
			opts = append(opts, word{argv[i], argv[i]})
		}
		i++
	}
	return opts, i
}

// beginsMain reports whether other options must stand before arg.
func beginsMain(arg string) bool {
	name, _, _ := strings.Cut(arg, "=")
	return !strings.HasPrefix(arg, "-") || slices.Contains([]string{
		"-cp", "-classpath", "--class-path", "-p", "--module-path", "-jar", "-m", "--module",
	}, name)
}

// javaMain returns the index of the last word that says what to run: the main
// class, or the value of -jar or -m.
func javaMain(argv []string, first int) (int, bool) {
	for i := first; i < len(argv); i++ {
		arg := argv[i]
		switch {
		case arg == "-jar" || arg == "-m" || arg == "--module":
			return i + 1, i+1 < len(argv)
		case strings.HasPrefix(arg, "--module="):
			return i, true
		case strings.HasPrefix(arg, "@"):
			// An argument file may hold anything, the main class too.
		case !strings.HasPrefix(arg, "-"):
			return i, true
		case twoWords[arg] || takesPath[arg]:
			i++
		}
	}
	return 0, false
}

// vetJava refuses what would keep a JVM from starting the function.
func vetJava(c *check, o *option) error {
	text := o.words[0].text
	if why := refuseJava(text, len(o.words), o.argv); why != "" {
		return fmt.Errorf("%s: %s", shortOption(text), why)
	}
	newer := strings.HasPrefix(text, "--") && !sinceNine[o.name]
	if (strings.HasPrefix(text, "-XX:") || newer) && !c.limited {
		return fmt.Errorf("%s: is not in every Java version: give a bound in GRAFT_RUNTIMES, such as java>=17", shortOption(text))
	}
	if (strings.HasPrefix(text, "--") || strings.HasPrefix(text, "-Xlog:")) && c.rt.Version.Known() && c.rt.Version.Major < 9 {
		return fmt.Errorf("%s: needs Java 9", shortOption(text))
	}
	switch o.name {
	case "-javaagent":
		return c.loadable(o.value)
	case "-agentpath":
		return c.library(o.value)
	case "-agentlib":
		if o.value == "jdwp" && !strings.Contains(text, "suspend=n") {
			return errors.New("-agentlib:jdwp: would wait for a debugger: add suspend=n")
		}
		// The JVM looks for it in its own folder and LD_LIBRARY_PATH.
		return c.libraryNamed("lib"+o.value+".so", beside(c.rt.Path, "../lib"), beside(c.rt.Path, "../jre/lib/"+c.Arch))
	case "-Xbootclasspath/a":
		for file := range strings.SplitSeq(o.value, ":") {
			if !path.IsAbs(file) {
				return fmt.Errorf("-Xbootclasspath/a: %q is a relative path", file)
			}
			if !c.exists(file) {
				return fileFault(file, fragment.ErrNoFile)
			}
		}
	}
	return nil
}

// planJava makes the runtime's own command line bear what graft adds: a
// collector takes the runtime's place, and class data sharing is no longer a
// must (https://github.com/elastic/apm-agent-java/issues/2433).
func planJava(p *planner) {
	if p.rt.Form != Interpreter {
		return
	}
	args, end := javaArguments(p.process.Argv, p.first())
	collector, heavy := false, false
	for _, o := range p.placed {
		collector = collector || o.key == collectorKey && !o.env
		heavy = heavy || unsharing(o.option)
	}
	if !heavy {
		return
	}
	known24 := p.rt.Version.Known() && p.rt.Version.Major >= 24
	archive := false
	for i, w := range args {
		at := p.first() + i
		name, _, _ := strings.Cut(w.text, "=")
		switch {
		case w.text == "-Xshare:on":
			p.replace(at, "-Xshare:on", "-Xshare:auto", "the JVM must start without its archive too")
		case w.text == "-XX:AOTMode=on":
			p.replace(at, "-XX:AOTMode=on", "-XX:AOTMode=auto", "the JVM must start without its cache too")
		case name == "-XX:AOTCache" && known24:
			archive = true
			p.remove(at, name, "an ahead-of-time cache does not fit a JVM with agents")
		case name == "-XX:SharedArchiveFile":
			archive = true
		case collector && strings.HasPrefix(w.text, "-XX:+") && collectors[w.text[5:]]:
			p.remove(at, w.text, "a JVM has one collector")
		}
	}
	if !archive || !known24 {
		return
	}
	for _, quiet := range []string{"-Xlog:cds=off", "-Xlog:aot=off"} {
		if !slices.Contains(args, word{quiet, quiet}) {
			p.insert("", end, quiet, "else the JVM reports the archive's mismatch on standard output")
		}
	}
}

// unsharing reports whether a JVM may find that its archive of shared classes
// does not fit because of the option: then sharing must not be a must.
func unsharing(o option) bool {
	text := o.words[0].text
	return o.loads || o.key == collectorKey || strings.HasPrefix(o.key, "-XX:") ||
		hasAnyPrefix(text, "-XX:", "--", "-Xbootclasspath/a:", "-Djava.system.class.loader=")
}

// heapFits leaves out one of a fragment's heap sizes if the JVM would find its
// initial size above its largest.
func heapFits(o placed, owner, argv index, ours map[string]option) bool {
	const initial, most = "-XX:InitialHeapSize", "-XX:MaxHeapSize"
	if o.key != initial && o.key != most {
		return true
	}
	size := func(key string) (int64, bool) {
		if key == o.key {
			return parseSize(o.value)
		}
		for _, at := range []map[string]option{ours, argv.keys, owner.keys} {
			if other, ok := at[key]; ok {
				return parseSize(other.value)
			}
		}
		return 0, false
	}
	least, some := size(initial)
	largest, bound := size(most)
	return !some || !bound || least <= largest
}

var errNoValue = errors.New("stands at the end without its value")
