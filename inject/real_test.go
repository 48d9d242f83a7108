package inject

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/testbed"
)

// These tests ask the real runtimes what the tables and splitters claim.

// realProgram returns a runtime's program, wherever the test bed keeps it.
func realProgram(t *testing.T, name string) (program string, v fragment.Version) {
	t.Helper()
	bed, err := testbed.Open()
	require.NoError(t, err)
	rt := testbed.Need(t, bed, name)
	program = rt.Argv[0]
	for _, m := range rt.Mounts {
		if rest, ok := strings.CutPrefix(program, m.Target+"/"); ok {
			program = filepath.Join(m.Source, rest)
		}
	}
	v, err = fragment.ParseVersion(rt.Version)
	require.NoError(t, err)
	return program, v
}

// ask runs a program with one variable set; ok is false if it refuses.
func ask(program, variable string, args ...string) (out string, ok bool) {
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", variable}
	b, err := cmd.Output()
	return string(b), err == nil
}

var realNodes = []string{"nodejs18", "nodejs20", "nodejs22", "nodejs24"}

// TestNodeFlagsReal compares nodeFlags with what each Node.js itself says that
// it takes in NODE_OPTIONS, and how.
func TestNodeFlagsReal(t *testing.T) {
	const script = `
const o = require('internal/options');
const { options, aliases } = o.getCLIOptionsInfo ? o.getCLIOptionsInfo() : o;
const kind = (name) => ['none', 'v8', 'boolean', 'value', 'value', 'value', 'value', 'list'][options.get(name).type];
const list = {};
for (const name of process.allowedNodeEnvironmentFlags) {
	let n = name.replace(/=$/, '');
	if (options.has(n)) list[n] = kind(n);
}
console.log(JSON.stringify([list, [...process.allowedNodeEnvironmentFlags]]));`
	kinds := map[nodeKind][]string{nodeBoolean: {"boolean"}, nodeNoOp: {"none", "boolean"}, nodeV8: {"v8"}, nodeValue: {"value"}, nodeList: {"list", "value"}}
	// The versions do not agree on these; the table has what all of them take.
	differ := map[string]bool{"--stack-trace-limit": true, "--experimental-specifier-resolution": true}
	for _, name := range realNodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, v := realProgram(t, name)
			out, ok := ask(node, "X=", "--expose-internals", "-e", script)
			require.True(t, ok)
			theirs, names := map[string]string{}, []string{}
			require.NoError(t, json.Unmarshal([]byte(out), &[]any{&theirs, &names}))
			taken := map[string]bool{}
			for _, n := range names {
				taken[strings.TrimSuffix(n, "=")] = true
			}
			require.Greater(t, len(theirs), 80)
			for flag, kind := range theirs {
				if nodeKills[flag] || flag == "--enable-etw-stack-walking" {
					continue
				}
				ours, ok := nodeFlags[nodeName(flag)]
				if !ok {
					// The table may have it by its positive name.
					ours, ok = nodeFlags["--"+strings.TrimPrefix(flag, "--no-")]
				}
				if assert.True(t, ok, "%s is missing", flag) {
					assert.True(t, ours.in(v), "%s is taken by %s", flag, v)
					if !differ[flag] {
						assert.Contains(t, kinds[ours.kind], kind, flag)
					}
				}
			}
			for flag, f := range nodeFlags {
				if f.in(v) {
					assert.True(t, taken[flag] || taken["--no-"+flag[2:]], "%s does not take %s", v, flag)
				}
			}
		})
	}
}

// TestNodeArgvOnlyReal: each Node.js starts with each of them in its command
// line, and refuses it in NODE_OPTIONS.
func TestNodeArgvOnlyReal(t *testing.T) {
	for _, name := range realNodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, v := realProgram(t, name)
			dir := t.TempDir()
			flags := strings.Join(slices.Sorted(maps.Keys(nodeArgvOnly)), " ")
			out, ok := ask(node, "FLAGS="+flags, "-p", "process.env.FLAGS.split(' ').filter((f) => process.allowedNodeEnvironmentFlags.has(f)).join()")
			require.True(t, ok)
			assert.Equal(t, "\n", out, "%s takes these in NODE_OPTIONS", v)
			for flag := range nodeArgvOnly {
				if _, ok := v8Numbers[flag]; ok {
					flag += "=128"
				}
				cmd := exec.Command(node, flag, "-e", "0")
				cmd.Dir = dir
				text, err := cmd.CombinedOutput()
				assert.NoError(t, err, "%s %s: %s", v, flag, text)
			}
		})
	}
}

// TestNodeRefusedReal: of odd forms of options, vetNode lets none through that
// Node.js refuses to start with.
func TestNodeRefusedReal(t *testing.T) {
	for _, name := range []string{"nodejs18", "nodejs24"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, v := realProgram(t, name)
			c := &check{rt: Runtime{Language: fragment.NodeJS, Version: v, Form: Interpreter}}
			for _, options := range []string{
				"--max-old-space-size", "--max-old-space-size=abc", "--no-max-old-space-size", "--stack-trace-limit 5", "--stack-trace-limit=5", "--expose-gc=1", "--jitless=false", "--no-jitless",
				"--title", "--title=", "--title \"\"", "--title -x", "--title=-x", "--no-title", "--no-title=x", "--no-require", "--conditions=", "--no-addons", "--warnings=1", "--inspect-port=0", "--debug-port 0",
				"--report-directory=/tmp", "--report_dir /tmp", "--max_http_header_size 9000", "-C a", "-C=a", "-rx", "--force-fips", "--enable-fips", "x", "--experimental-specifier-resolution node",
			} {
				words, err := splitNode(options)
				require.NoError(t, err)
				refused := false
				for _, o := range readNode(words) {
					refused = refused || vetNode(c, &o) != nil
				}
				if _, ok := ask(node, "NODE_OPTIONS="+options, "-e", "0"); !ok {
					assert.True(t, refused, "%s refuses %q", v, options)
				}
			}
			for _, good := range []string{"--title=-x", "--stack-trace-limit=5", "--inspect-port=0", "--debug-port 0", "--report-directory=/tmp", "--no-addons", "-C a", "--max_http_header_size 9000"} {
				words, _ := splitNode(good)
				for _, o := range readNode(words) {
					assert.NoError(t, vetNode(c, &o), good)
				}
			}
		})
	}
}

// oddOptions are put behind an option of each runtime's own.
var oddOptions = []string{
	"a", "a b", `"a b"`, `a"b c"d`, `'a b'`, `a'b c'd`, `a\ b`, `"a\\b"`, `"a\"b"`, `"a\`, `"a`, "'a", "it's", "a\tb", "a\nb", `""`, `a;b|c&d$e*`,
	`a "b`, `"a"'b'`, `'"'`, `"'"`, "  a  ", "a\u00a0b", `\`, `"\\"`, "ä✓",
}

// TestSplitNodeReal: splitNode agrees with Node.js on what a value is, and on
// what is refused.
func TestSplitNodeReal(t *testing.T) {
	for _, name := range []string{"nodejs18", "nodejs24"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, _ := realProgram(t, name)
			for _, odd := range oddOptions {
				options := "--title=" + odd + " --no-deprecation"
				words, splitErr := splitNode(options)
				opts := readNode(words)
				out, ok := ask(node, "NODE_OPTIONS="+options, "-p", "JSON.stringify([process.title, process.noDeprecation])")
				if splitErr != nil || opts[0].value == "" {
					assert.False(t, ok, "%q", options)
					continue
				}
				require.True(t, ok, "%q", options)
				var got []any
				require.NoError(t, json.Unmarshal([]byte(out), &got))
				assert.Equal(t, got[0], opts[0].value, "%q", options)
				// A word that is no option ends the options.
				assert.Equal(t, len(words) == 2, got[1] == true, "%q", options)
			}
		})
	}
}

// TestSplitJVMReal: splitJVM agrees with the JVM about both of its variables.
func TestSplitJVMReal(t *testing.T) {
	for _, name := range []string{"java11", "java25"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			java, _ := realProgram(t, name)
			for _, variable := range []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"} {
				for _, odd := range oddOptions {
					if strings.ContainsAny(odd, "\u00a0ä") || strings.ContainsRune(odd, '*') && variable == "JDK_JAVA_OPTIONS" {
						// Printed by the locale; expanded by the launcher.
						continue
					}
					options := "-Dgraft.odd=" + odd + " -Dgraft.last=1"
					words, splitErr := splitJVM(options)
					cmd := exec.Command(java, "-XshowSettings:properties", "-version")
					cmd.Env = []string{variable + "=" + options}
					out, err := cmd.CombinedOutput()
					if splitErr != nil {
						assert.Error(t, err, "%s=%q", variable, options)
						continue
					}
					if len(words) != 2 {
						// A word of its own is no option.
						assert.Error(t, err, "%s=%q", variable, options)
						continue
					}
					require.NoError(t, err, "%s=%q: %s", variable, options, out)
					want := strings.TrimPrefix(words[0].text, "-Dgraft.odd=")
					want = strings.NewReplacer("\n", "\\n", "\r", "\\r").Replace(want)
					assert.Contains(t, string(out), "\n    graft.odd = "+want+"\n", "%s=%q", variable, options)
					assert.Contains(t, string(out), "\n    graft.last = 1\n", "%s=%q", variable, options)
				}
			}
		})
	}
}

// TestSplitRubyReal: splitBlanks agrees with Ruby.
func TestSplitRubyReal(t *testing.T) {
	ruby := testbed.NeedTool(t, "ruby")
	dir := t.TempDir()
	for _, odd := range oddOptions {
		if strings.ContainsAny(odd, "/\x00") {
			continue
		}
		options := "-I" + dir + "/" + odd + " -w"
		words, err := splitBlanks(options)
		require.NoError(t, err)
		out, ok := ask(ruby, "RUBYOPT="+options, "--disable-gems", "-e", "print $LOAD_PATH[0], '|', $VERBOSE.inspect")
		if len(words) != 2 {
			assert.False(t, ok, "%q", options)
			continue
		}
		require.True(t, ok, "%q", options)
		assert.Equal(t, strings.TrimPrefix(words[0].text, "-I")+"|true", out, "%q", options)
	}
}
