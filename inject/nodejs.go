package inject

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// Node.js options go into NODE_OPTIONS, so that worker threads and child
// processes that the agents expect to reach load them too. What Node.js
// refuses there, and a single-valued flag that the runtime's command line has
// as well, goes into the command line directly before the script.
var nodejs = language{
	name: fragment.NodeJS,
	program: func(base string) (fragment.Version, bool) {
		if v, ok := named(base, "nodejs"); ok {
			return v, true
		}
		return named(base, "node")
	},
	version: nodeHeader,
	options: &options{
		owner: []string{"NODE_OPTIONS"},
		env:   "NODE_OPTIONS",
		split: splitNode,
		read:  readNode,
		vet:   vetNode,
	},
	script: nodeScript,
	handler: func(argv []string, first int) int {
		script := nodeScript(argv, first)
		if script+1 < len(argv) && isNodeClient(argv[script]) {
			return script + 1
		}
		return -1
	},
}

// isNodeClient reports whether script is the runtime client's own script, as
// container images start it with the handler behind it.
func isNodeClient(script string) bool {
	return path.Base(script) == "aws-lambda-ric" || strings.Contains(script, "/aws-lambda-ric/bin/")
}

// nodeHeader reads the version from the header file that every Node.js
// distribution carries.
func nodeHeader(m Machine, program string) fragment.Version {
	head, err := m.head(beside(program, "../include/node/node_version.h"), 4096)
	if err != nil {
		return fragment.Version{}
	}
	number := func(name string) int {
		_, rest, _ := strings.Cut(string(head), "#define NODE_"+name+"_VERSION ")
		rest, _, _ = strings.Cut(rest, "\n")
		n, err := strconv.Atoi(strings.TrimSpace(rest))
		if err != nil {
			return -1
		}
		return n
	}
	v := fragment.Version{Major: number("MAJOR"), Minor: number("MINOR"), Patch: number("PATCH")}
	if v.Major < 1 || v.Minor < 0 || v.Patch < 0 {
		return fragment.Version{}
	}
	return v
}

// nodeName is the one name of an option: "_" and "-" are the same to Node.js,
// and short names have long ones.
func nodeName(name string) string {
	switch name {
	case "-r":
		return "--require"
	case "-C":
		return "--conditions"
	case "--loader":
		return "--experimental-loader"
	case "--es-module-specifier-resolution":
		return "--experimental-specifier-resolution"
	case "--debug-port":
		return "--inspect-port"
	case "--report-directory":
		return "--report-dir"
	}
	if strings.HasPrefix(name, "--") {
		return "--" + strings.ReplaceAll(name[2:], "_", "-")
	}
	return name
}

// nodePositive is the name of an option less its "no-".
func nodePositive(name string) string { return strings.Replace(name, "--no-", "--", 1) }

// readNode groups words into options.
func readNode(words []word) []option {
	opts := make([]option, 0, len(words))
	for i := 0; i < len(words); i++ {
		text := words[i].text
		name, value, joined := strings.Cut(text, "=")
		o := option{words: words[i : i+1], name: nodeName(name), value: value}
		flag, known := nodeFlags[nodePositive(o.name)]
		if known && flag.kind.takesWord() && !joined && i+1 < len(words) {
			i++
			o.words = words[i-1 : i+1]
			o.value = words[i].text
		}
		o.id = o.name + "=" + o.value
		switch {
		case o.name == "--require" || o.name == "--import" || o.name == "--experimental-loader":
			o.loads = true
			if rest, ok := strings.CutPrefix(o.value, "file:///"); ok && o.name != "--require" {
				o.value = "/" + rest
			}
			o.id = "module:" + o.value
			if path.IsAbs(o.value) {
				o.id = "module:" + path.Clean(o.value)
			}
		case !known || flag.kind == nodeList:
		case nodeGroups[nodePositive(o.name)] != "":
			o.key, o.value = nodeGroups[nodePositive(o.name)], o.name
		case strings.HasPrefix(o.name, "--no-"):
			o.key, o.value = "--"+o.name[len("--no-"):], "false"
		case flag.kind == nodeBoolean && (!joined || o.name != "--inspect"), flag.kind == nodeNoOp, flag.kind == nodeV8 && !joined:
			o.key, o.value = o.name, "true"
		default:
			o.key = o.name
		}
		opts = append(opts, o)
	}
	return opts
}

// nodeScript returns the index of the script, or of the first argument that
// ends Node.js's own options.
func nodeScript(argv []string, first int) int {
	for i := first; i < len(argv); i++ {
		if !strings.HasPrefix(argv[i], "-") || argv[i] == "-" || argv[i] == "--" {
			return i
		}
		name, _, joined := strings.Cut(argv[i], "=")
		if nodeKills[nodeName(name)] {
			return i
		}
		if flag, ok := nodeFlags[nodeName(name)]; ok && !joined && flag.kind.takesWord() {
			i++
		}
	}
	return len(argv)
}

// vetNode refuses what would end Node.js with exit status 9 or 1.
func vetNode(c *check, o *option) error {
	first := o.words[0].text
	name := shortOption(first)
	flag, known := nodeFlags[o.name]
	if !known {
		flag, known = nodeFlags[nodePositive(o.name)]
	}
	switch {
	case nodeKills[o.name]:
		return fmt.Errorf("%s: would keep Node.js from starting the function", name)
	case nodeArgvOnly[o.name] || flag.kind == nodeV8:
		if why := refuseV8(o.name, first); why != "" {
			return fmt.Errorf("%s: %s", name, why)
		}
	case flag.kind == nodeNoOp && strings.Contains(first, "="):
		return fmt.Errorf("%s: takes no value", name)
	case flag.kind == nodeNoOp && strings.HasPrefix(o.name, "--no-"):
		return fmt.Errorf("%s: has no opposite", name)
	case flag.kind.takesWord() && (o.value == "" || len(o.words) > 1 && strings.HasPrefix(o.words[1].text, "-")):
		return fmt.Errorf("%s: %w", name, errNoValue)
	case flag.kind.takesWord() && strings.HasPrefix(o.name, "--no-"):
		return fmt.Errorf("%s: has no opposite", name)
	}
	switch {
	case nodeArgvOnly[o.name]:
		o.argv = true
		return nil
	case !known:
		return fmt.Errorf("%s: is no option that Node.js is known to take", name)
	case strings.HasPrefix(first, "-") && !strings.HasPrefix(first, "--") && strings.Contains(first, "="):
		return fmt.Errorf("%s: a short option takes its value from the next word", name)
	case !flag.in(c.rt.Version):
		if flag.kind == nodeV8 && flag.lines&0b1000 != 0 {
			// V8 has it, though this Node.js does not list it.
			o.argv = true
			return nil
		}
		return fmt.Errorf("%s: is no option of Node.js %s", name, c.rt.Version)
	}
	if why := c.refuseNodeValue(o); why != "" {
		return fmt.Errorf("%s: %s", name, why)
	}
	switch o.name {
	case "--import":
		if v := c.rt.Version; !importable(v) {
			if !v.Known() {
				return errors.New("--import: needs Node.js 18.19 or 20.6 and the version is not known: set GRAFT_RUNTIME")
			}
			return fmt.Errorf("--import: needs Node.js 18.19 or 20.6, this is %s", v)
		}
		return c.nodeImport(o.value)
	case "--experimental-loader":
		return c.nodeImport(o.value)
	case "--require":
		return c.nodeRequire(o.value)
	}
	return nil
}
