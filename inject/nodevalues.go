package inject

import (
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// nodeGroups are the options of which Node.js takes one (it ends with exit
// status 9 if another stands beside it), or of which one decides for all. One
// key for a group: the owner's wins, and a fragment's never meets it.
var nodeGroups = map[string]string{
	"--use-openssl-ca": "--use-*-ca", "--use-bundled-ca": "--use-*-ca", "--use-system-ca": "--use-*-ca",
	"--tls-min-v1.0": "--tls-*", "--tls-min-v1.1": "--tls-*", "--tls-min-v1.2": "--tls-*", "--tls-min-v1.3": "--tls-*",
	"--tls-max-v1.2": "--tls-*", "--tls-max-v1.3": "--tls-*",
}

// nodeEnums are the words that an option takes; Node.js ends over any other.
var nodeEnums = map[string][]string{
	"--unhandled-rejections":              {"none", "strict", "throw", "warn", "warn-with-error-code"},
	"--dns-result-order":                  {"ipv4first", "ipv6first", "verbatim"},
	"--disable-proto":                     {"delete", "throw"},
	"--use-largepages":                    {"off", "on", "silent"},
	"--trace-require-module":              {"all", "no-node-modules"},
	"--experimental-specifier-resolution": {"explicit", "node"},
	"--inspect-publish-uid":               {"http", "http,stderr", "stderr", "stderr,http"},
	"--heapsnapshot-signal":               nodeSignals,
	"--report-signal":                     nodeSignals,
	"--watch-kill-signal":                 nodeSignals,
}

// nodeSignals are the signals that Node.js can listen to.
var nodeSignals = []string{
	"SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGINT", "SIGIO", "SIGPIPE", "SIGPWR", "SIGQUIT", "SIGSYS", "SIGTERM",
	"SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ",
}

// A span is the numbers from min to max; with zero, 0 as well.
type span struct {
	min, max uint64
	zero     bool
}

func (s span) holds(text string) bool {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && (s.min <= n && n <= s.max || s.zero && n == 0)
}

func (s span) String() string {
	text := strconv.FormatUint(s.min, 10) + " to " + strconv.FormatUint(s.max, 10)
	if s.zero {
		return "0, or " + text
	}
	return text
}

// most is more than any of these options needs, and fits in all of them.
const most = 999_999_999

// nodePorts are the ports that Node.js takes for its inspector.
var nodePorts = span{1024, 65535, true}

// nodeNumbers are the options of Node.js that need a number. It takes other
// text for 0, and ends over some.
var nodeNumbers = map[string]span{
	"--heapsnapshot-near-heap-limit":                 {0, most, false},
	"--max-http-header-size":                         {0, most, false},
	"--max-old-space-size-percentage":                {1, 100, false},
	"--network-family-autoselection-attempt-timeout": {1, most, false},
	"--test-random-seed":                             {0, most, false},
	"--v8-pool-size":                                 {0, 1024, false},
}

// v8Numbers are V8's options that need a number behind "=". With a heap or a
// stack below these V8 ends before the first line of JavaScript.
var v8Numbers = map[string]span{
	"--max-old-space-size":  {32, most, true},
	"--max-heap-size":       {32, most, true},
	"--max-semi-space-size": {0, most, false},
	"--min-semi-space-size": {0, most, false},
	"--initial-heap-size":   {32, most, true},
	"--stack-trace-limit":   {0, most, false},
	"--stack-size":          {100, most, false},
	"--gc-interval":         {0, most, false},
	"--random-seed":         {0, most, false},
}

// refuseNodeValue says why Node.js would end over an option's value, or over
// another one beside it.
func (c *check) refuseNodeValue(o *option) string {
	if words := nodeEnums[o.name]; words != nil && !slices.Contains(words, o.value) {
		if strings.HasSuffix(o.name, "-signal") {
			return "takes a signal that Node.js can listen to only, such as SIGUSR2"
		}
		return "takes " + strings.Join(words, ", ") + " only"
	}
	if numbers, ok := nodeNumbers[o.name]; ok && !numbers.holds(o.value) {
		return "takes " + numbers.String() + " only"
	}
	switch o.name {
	case "--inspect", "--inspect-port":
		if _, _, joined := strings.Cut(o.words[0].text, "="); (joined || len(o.words) > 1) && !nodeInspects(o.value) {
			return "takes port " + nodePorts.String() + " only"
		}
	case "--dns-result-order":
		if o.value == "ipv6first" && c.rt.Version.Major < 22 {
			return "takes ipv6first from Node.js 22 on"
		}
	case "--experimental-specifier-resolution":
		if len(o.words) > 1 {
			// From 20 on the option takes none, and the word ends the options.
			return `needs its value behind "="`
		}
	case "--secure-heap", "--secure-heap-min":
		return "may be more than the memory that Lambda lets a process lock"
	case "--heap-prof-dir", "--heap-prof-interval", "--heap-prof-name", "--cpu-prof-dir", "--cpu-prof-interval", "--cpu-prof-name":
		return "ends Node.js where its profiler is switched off; --diagnostic-dir says where profiles go"
	}
	if other := c.beside(o, "NODE_OPTIONS", splitNode, readNode); other != "" {
		return "cannot stand beside " + other
	}
	return ""
}

// nodeInspects reports whether Node.js takes host, port or host:port.
func nodeInspects(value string) bool {
	if strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") {
		return true
	}
	i := strings.LastIndexByte(value, ':')
	if i < 0 && strings.Trim(value, "0123456789") != "" {
		return true
	}
	return nodePorts.holds(value[i+1:])
}

// refuseV8 says why V8 would refuse an option of its own: a number stands
// behind "=", all else is a switch.
func refuseV8(name, text string) string {
	_, value, joined := strings.Cut(text, "=")
	numbers, ok := v8Numbers[name]
	_, opposite := v8Numbers["--"+strings.TrimPrefix(name, "--no-")]
	switch {
	case opposite:
		return "has no opposite"
	case ok && (value == "" || strings.Trim(value, "0123456789") != ""):
		return `needs a number behind "="`
	case ok && !numbers.holds(value):
		return "takes " + numbers.String() + " only"
	case !ok && joined:
		return "takes no value"
	}
	return ""
}

// importable reports whether --import also registers loader hooks early
// enough: module.register came with 18.19 and 20.6.
func importable(v fragment.Version) bool {
	return v.Major == 18 && v.Minor >= 19 || v.Compare(fragment.Version{Major: 20, Minor: 6}) >= 0
}
