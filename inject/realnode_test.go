package inject

import (
	"fmt"
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
)

// nodeStarts runs a program of nothing with options in NODE_OPTIONS and in the
// command line, in a folder of its own.
func nodeStarts(t *testing.T, node, options string, argv ...string) (string, bool) {
	t.Helper()
	cmd := exec.Command(node, append(argv, "-e", "0")...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"NODE_OPTIONS=" + options}
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		// What --perf-basic-prof leaves behind.
		os.Remove(fmt.Sprintf("/tmp/perf-%d.map", cmd.Process.Pid))
	}
	return string(out), err == nil
}

// checkNode is a check that a fragment's options are vetted with.
func checkNode(v fragment.Version, root string, options string) *check {
	return &check{
		Machine: Machine{Root: os.DirFS("/"), Dir: root},
		rt:      Runtime{Language: fragment.NodeJS, Version: v, Form: Interpreter},
		frag:    fragment.Fragment{Vars: []fragment.Var{{Name: "NODE_OPTIONS", Value: options}}},
	}
}

// vetAll vets an option string; argv is set if one of it must stand in the
// command line.
func vetAll(c *check, options string) (argv bool, err error) {
	words, err := splitNode(options)
	if err != nil {
		return false, err
	}
	for _, o := range readNode(words) {
		if err := vetNode(c, &o); err != nil {
			return false, err
		}
		argv = argv || o.argv
	}
	return argv, nil
}

// nodeSamples are the option in every form that the tables accept, and in
// forms that they must not.
func nodeSamples(flag string, f nodeFlag) []string {
	switch words, numbers := nodeEnums[flag], nodeNumbers[flag]; {
	case words != nil:
		list := []string{flag + "=x"}
		for _, w := range words {
			list = append(list, flag+"="+w)
		}
		return list
	case numbers.max > 0:
		return []string{flag + "=x", fmt.Sprintf("%s=%d", flag, numbers.min), fmt.Sprintf("%s=%d", flag, numbers.max), fmt.Sprintf("%s=%d", flag, numbers.max+1)}
	case flag == "--inspect":
		return []string{"--inspect=0", "--inspect=127.0.0.1:0", "--no-inspect", "--inspect=", "--inspect=1", "--inspect=1023", "--inspect=127.0.0.1:65536"}
	case flag == "--inspect-port":
		return []string{"--inspect-port=0", "--inspect-port 0", "--inspect-port=1024", "--inspect-port=[::1]:65535", "--inspect-port=127.0.0.1", "--inspect-port=1023", "--inspect-port=::1", "--inspect-port=65536"}
	case f.kind == nodeList || f.kind == nodeValue:
		return []string{flag + "=1", flag + " 1"}
	}
	if n, ok := v8Numbers[flag]; ok {
		return []string{fmt.Sprintf("%s=%d", flag, n.min), fmt.Sprintf("%s=%d", flag, n.max)}
	}
	return []string{flag, "--no-" + flag[2:]}
}

// TestNodeStartsReal: Node.js starts with every flag, negation and value that
// vetNode accepts. Flags that can stand side by side share a process.
func TestNodeStartsReal(t *testing.T) {
	for _, name := range realNodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, v := realProgram(t, name)
			// One sample of each flag: these can stand side by side.
			together := make(map[int][]string)
			accepted := 0
			for _, flag := range slices.Sorted(maps.Keys(nodeFlags)) {
				if flag == "--require" || flag == "--import" || flag == "--experimental-loader" {
					continue // TestNodeModulesReal
				}
				for i, sample := range nodeSamples(flag, nodeFlags[flag]) {
					argv, err := vetAll(checkNode(v, "/", sample), sample)
					if err != nil {
						continue
					}
					accepted++
					inEnv, inArgv := sample, []string(nil)
					switch {
					case argv:
						inEnv, inArgv = "", []string{sample}
					case nodeGroups[flag] == "" && nodeFlags[flag].kind != nodeV8:
						together[i] = append(together[i], sample)
						continue
					}
					out, ok := nodeStarts(t, node, inEnv, inArgv...)
					assert.True(t, ok, "%s refuses %q: %s", v, sample, out)
				}
			}
			for _, list := range together {
				for chunk := range slices.Chunk(list, 20) {
					out, ok := nodeStarts(t, node, strings.Join(chunk, " "))
					assert.True(t, ok, "%s refuses one of %q: %s", v, chunk, out)
				}
			}
			require.Greater(t, accepted, 200, "most are accepted")
			for flag, numbers := range v8Numbers {
				for _, n := range []uint64{numbers.min, numbers.max} {
					sample := fmt.Sprintf("%s=%d", flag, n)
					if nodeArgvOnly[flag] {
						out, ok := nodeStarts(t, node, "", sample)
						assert.True(t, ok, "%s refuses %q: %s", v, sample, out)
					}
				}
			}
		})
	}
}

// TestNodeRefusesReal: what Node.js ends over is refused, and what graft
// refuses though one version takes it is known.
func TestNodeRefusesReal(t *testing.T) {
	for _, name := range realNodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, v := realProgram(t, name)
			for _, options := range []string{
				"--use-openssl-ca --use-bundled-ca", "--use-openssl-ca --use-system-ca", "--tls-min-v1.3 --tls-max-v1.2", "--heap-prof-dir=/tmp", "--cpu-prof-name=x", "--cpu-prof-interval 9",
				"--no-experimental-quic", "--no-http-parser", "--no-napi-modules", "--no-node-memory-debug", "--no-experimental-modules", "--secure-heap=3", "--secure-heap-min=3 --secure-heap=5",
				"--heapsnapshot-signal=SIGKILL", "--heapsnapshot-signal=sigusr2", "--report-on-signal --report-signal=SIGSTOP", "--max-old-space-size=1", "--max-old-space-size-percentage=0", "--max-old-space-size-percentage=101",
				"--unhandled-rejections=warn-with-error-codes", "--heapsnapshot-near-heap-limit=-1", "--inspect=",
			} {
				_, err := vetAll(checkNode(v, "/", options), options)
				assert.Error(t, err, "%s %q", v, options)
				if strings.HasPrefix(options, "--use-openssl-ca --use-s") || strings.HasPrefix(options, "--secure-heap") {
					continue
				}
				if _, ok := nodeStarts(t, node, options); ok {
					t.Errorf("%s takes %q", v, options)
				}
			}
			for _, size := range []string{"--stack-size=0", "--stack-size=16"} {
				_, err := vetAll(checkNode(v, "/", size), size)
				assert.Error(t, err)
				_, ok := nodeStarts(t, node, "", size)
				assert.False(t, ok, "%s takes %q", v, size)
			}
			// ipv6first is taken by some 20s too, and one that it is not ends over it.
			_, err := vetAll(checkNode(v, "/", ""), "--dns-result-order=ipv6first")
			assert.Equal(t, v.Major >= 22, err == nil)
			_, err = vetAll(checkNode(v, "/", ""), "--experimental-specifier-resolution node")
			assert.Error(t, err)
		})
	}
}

// TestNodeModulesReal: what vetNode accepts to load is loaded, from the path
// that was looked at.
func TestNodeModulesReal(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.js", "a.mjs", "a.cjs", "b%41.mjs", "bA.mjs", "q.mjs?x.mjs", "q.mjs", "h#x.mjs", "s\\x.mjs", "a.ts", "a.json", "none", "n\nl.mjs", "nl.mjs", "d i r.mjs", "ä.mjs"} {
		text := "globalThis.loaded = " + fmt.Sprintf("%q", name) + "; process.stdout.write(globalThis.loaded)"
		if name == "a.json" {
			text = "{}"
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	imports := []string{
		"a.js", "a.mjs", "a.cjs", "b%41.mjs", "q.mjs?x.mjs", "q.mjs?y", "h#x.mjs", "s\\\\x.mjs", "a.ts", "a.json", "none", "d i r.mjs", "ä.mjs",
	}
	for _, name := range realNodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, v := realProgram(t, name)
			tried, taken := 0, map[string]bool{}
			try := func(options, want string) {
				tried++
				_, err := vetAll(checkNode(v, dir, options), options)
				if err != nil {
					return
				}
				taken[options] = true
				out, ok := nodeStarts(t, node, options)
				assert.True(t, ok, "%s %q: %s", v, options, out)
				assert.Contains(t, out, want, "%s %q", v, options)
			}
			for _, file := range imports {
				for _, form := range []string{`--import "%s/%s"`, `--import "file://%s/%s"`, `--import "file:/%s/%s"`, `--import "file://localhost%s/%s"`, `--import "/%s/%s"`, `--require "%s/%s"`, `--require "file://%s/%s"`} {
					want := file
					if file == "a.json" {
						want = ""
					}
					try(fmt.Sprintf(form, dir, file), strings.ReplaceAll(want, `\\`, `\`))
				}
			}
			builtins := slices.Sorted(maps.Keys(nodeBuiltins))
			try("--import "+strings.Join(builtins, " --import "), "")
			try("--require "+strings.Join(builtins, " --require "), "")
			assert.True(t, taken["--import "+strings.Join(builtins, " --import ")], "%s imports what every Node.js has", v)
			for _, module := range []string{
				"node:nosuch", "node:sqlite", "node:test", "data:text/javascript,process.stdout.write('x')", "data:text/javascript;charset=utf-8,process.stdout.write('x')",
				"data:text/javascript;base64,cHJvY2Vzcy5zdGRvdXQud3JpdGUoJ3gnKQ==", "data:text/javascript", "data:text/plain,x", "data:application/json,{}", "data:text/javascript,%zz", "data:text/javascript,x?'a':'b'", "http://127.0.0.1/x.mjs",
			} {
				want := ""
				if strings.HasPrefix(module, "data:") {
					want = "x"
				}
				try("--import "+module, want)
				try("--require "+module, want)
				try("--experimental-loader "+module, "")
			}
			for _, good := range []string{"--import \"" + dir + "/a.mjs\"", "--import \"file://" + dir + "/d i r.mjs\"", "--require \"" + dir + "/b%41.mjs\"", "--require \"" + dir + "/q.mjs?x.mjs\""} {
				if strings.HasPrefix(good, "--require") && !requiresESM(v) {
					assert.False(t, taken[good], good)
					continue
				}
				assert.True(t, taken[good], "%s %q", v, good)
			}
			for _, bad := range []string{"--require \"file://" + dir + "/a.js\"", "--import \"file://localhost" + dir + "/a.js\"", "--import \"" + dir + "/b%41.mjs\"", "--import \"" + dir + "/q.mjs?x.mjs\"", "--import \"" + dir + "/a.ts\"", "--import \"" + dir + "/none\"", "--import data:text/plain,x", "--import node:nosuch"} {
				_, err := vetAll(checkNode(v, dir, bad), bad)
				assert.Error(t, err, "%s %q", v, bad)
			}
			t.Logf("%s: %d of %d accepted", v, len(taken), tried)
		})
	}
}
