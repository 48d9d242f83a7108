//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// secret is what must never be printed.
const secret = "hunter2-hunter2"

// errno are the ways in which exec fails, one after another; 0 is success.
var errno = []syscall.Errno{0, syscall.ENOENT, syscall.EACCES, syscall.E2BIG, syscall.ENOEXEC, syscall.ENOMEM, syscall.ENOTDIR}

// A call is one call of exec.
type call struct {
	path      string
	argv, env []string
}

// replaced is what a successful exec leaves of the wrapper.
type replaced struct{}

// fakeExec records its calls. They fail as failures says, a byte each; the
// first one behind them succeeds.
type fakeExec struct {
	failures []byte
	calls    []call
}

func (f *fakeExec) exec(path string, argv, env []string) error {
	f.calls = append(f.calls, call{path, argv, env})
	if n := len(f.calls); n <= len(f.failures) {
		if e := errno[int(f.failures[n-1])%len(errno)]; e != 0 {
			return e
		}
	}
	panic(replaced{})
}

// runFake is run with a fake exec; status is -1 if the process was replaced.
func runFake(s system, f *fakeExec) (status int) {
	defer func() {
		if r := recover(); r != nil && r != (replaced{}) {
			panic(r)
		} else if r != nil {
			status = -1
		}
	}()
	s.exec = f.exec
	return run(s)
}

// fuzzRoot is a machine with runtimes, agents and other vendors' wrappers.
func fuzzRoot(fragments, envFile string) fs.FS {
	root := fstest.MapFS{
		"opt/agent.jar":                     {},
		"opt/agent.js":                      {},
		"opt/otel/sitecustomize.py":         {},
		"opt/hook.dll":                      {},
		"opt/agent.rb":                      {},
		"opt/graft-python/sitecustomize.py": {},
		"opt/graft":                         {Mode: 0o755},
		"opt/one":                           {Mode: 0o755},
		"opt/two":                           {Mode: 0o755},
		"opt/three":                         {Mode: 0o644},
		"opt/graft-run/java":                {Mode: 0o755},
		"opt/graft-run/node":                {Mode: 0o755},
		"var/lang/bin/java":                 {Mode: 0o755},
		"var/lang/bin/node":                 {Mode: 0o755},
		"var/lang/release":                  {Data: []byte("JAVA_VERSION=\"21.0.8\"\n")},
		"var/task/start.sh":                 {Data: []byte("#!/bin/sh\n"), Mode: 0o755},
		"opt/graft.d/90-secret.env":         {Data: []byte("A=1\nPASSWORD=\"" + secret + "\n")},
	}
	for i, text := range strings.Split(fragments, "\x1e") {
		if i > 9 {
			break
		}
		root["opt/graft.d/5"+string(rune('0'+i))+"-agent.env"] = &fstest.MapFile{Data: []byte(text)}
	}
	root["var/task/own.env"] = &fstest.MapFile{Data: []byte(envFile)}
	root["var/task/secret.env"] = &fstest.MapFile{Data: []byte("PASSWORD=" + secret + "\n")}
	return root
}

// FuzzRun states the wrapper's promise: no input makes it do anything but
// execute the original process, the planned one or a wrapper of the plan; it
// never panics, and never prints what it did not write.
func FuzzRun(f *testing.F) {
	all := "JAVA_TOOL_OPTIONS=-javaagent:/opt/agent.jar -Dx=1\nNODE_OPTIONS=--require /opt/agent.js\nPYTHONPATH=/opt/otel:/var/task\n" +
		"DOTNET_STARTUP_HOOKS=/opt/hook.dll\nRUBYOPT=-r/opt/agent.rb\nOTEL_RESOURCE_ATTRIBUTES=a=1\nOTEL=1\nPATH=/opt/otel\n"
	redirect := "GRAFT_RUNTIMES=java\n_HANDLER=a.B\nGRAFT_ORIGINAL_HANDLER=OLD\nGRAFT_ARGS='-Dy=\"a b\"'\nAWS_LAMBDA_EXEC_WRAPPER=/opt/one"
	f.Add("/var/lang/bin/java\n-Xshare:on\n-cp\nx\nMain\na.C", "_HANDLER=a.C\nA=1", all+"\x1e"+redirect, "", []byte{})
	f.Add("/var/lang/bin/java\nMain\na.C", "GRAFT_NEXT=/opt/two\nGRAFT_LOG=debug\nGRAFT_ENV_FILE=own.env:secret.env", redirect, "GRAFT_JAVA=env\nB=2", []byte{4, 4})
	f.Add("node\nx.mjs", "PATH=:/bin\nNODE_OPTIONS=\"open", all, "", []byte{3})
	f.Add("/opt/graft-run/java\n-version", "GRAFT_CHAIN=7\x1f/var/lang/bin/java\x1f/opt/one\x1f/opt/two", "", "", []byte{1, 2})
	f.Add("/opt/graft-run/java\n-version", "GRAFT_CHAIN=8\x1fjava\x1f/opt/one", "", "", []byte{})
	f.Add("/opt/graft-run/node", "", "", "", []byte{})
	f.Add("", "", "", "", []byte{})
	f.Add("/opt/graft", "", "", "", []byte{'B'})
	f.Add("/opt/graft\n/opt/graft\njava", "GRAFT_STRICT=1\nGRAFT_LOG=off", "JAVA_TOOL_OPTIONS=-version", "", []byte{})
	f.Add("/var/task/start.sh\nx", "AWS_EXECUTION_ENV=AWS_Lambda_python3.12\nGRAFT_DISABLE=agent", all+"\x1eexport A=1\x1eA=1\nA=2", "\x00", []byte{5})
	f.Add("env\nA=1\npython3.12\n-m\nawslambdaric\nh", "GRAFT_RUNTIME=python3.12\nTWICE=1\nTWICE=2\nODD", all, "", []byte{6, 6, 6, 6, 6})

	f.Fuzz(func(t *testing.T, args, env, fragments, envFile string, failures []byte) {
		if strings.Contains(args+env+fragments+envFile, secret) || strings.Contains(args+env, "\x00") {
			t.Skip("printed, it would prove nothing; or no process can have it")
		}
		root := fuzzRoot(fragments, envFile)
		var stderr bytes.Buffer
		s := system{
			args: []string{"/opt/graft"}, dir: "/var/task", pid: 7, root: root, arch: "amd64", self: "/opt/graft", stderr: &stderr,
			// The function's own secrets.
			env: []string{"PASSWORD=" + secret, "JAVA_TOOL_OPTIONS=-Dpassword=" + secret},
		}
		if args != "" {
			s.args = append(s.args, strings.Split(args, "\n")...)
			// Never as the program, whose name is told if it cannot be executed.
			if s.args[len(s.args)-1] != s.self {
				s.args = append(s.args, "-Dpassword="+secret)
			}
		}
		for entry := range strings.SplitSeq(env, "\n") {
			s.env = append(s.env, strings.ReplaceAll(entry, "\x1f", "\n"))
		}
		before := [2][]string{slices.Clone(s.args), slices.Clone(s.env)}
		exec := &fakeExec{failures: failures}
		status := runFake(s, exec)

		assert.NotContains(t, stderr.String(), secret)
		assert.Equal(t, before, [2][]string{s.args, s.env}, "its input was changed")
		for line := range strings.Lines(stderr.String()) {
			assert.True(t, strings.HasPrefix(line, "graft: ") && strings.HasSuffix(line, "\n"), "%q", line)
		}
		allowed, strict := allowedProcesses(s)
		for _, c := range exec.calls {
			require.True(t, slices.ContainsFunc(allowed, func(p inject.Process) bool {
				return slices.Equal(p.Argv, c.argv) && slices.Equal(p.Env, c.env)
			}), "executed %q", c)
			program := c.argv[0]
			assert.True(t, c.path == program || !strings.Contains(program, "/") && path.Base(c.path) == path.Base(program), "%q is not %q", c.path, program)
		}
		switch {
		case args == "":
			assert.Equal(t, exitUsage, status)
		case status == exitStrict:
			assert.True(t, strict, "stopped without GRAFT_STRICT")
		case status >= 0:
			assert.Contains(t, []int{exitNotExecutable, exitNotFound}, status)
			assert.NotEmpty(t, stderr.String(), "stopped without a word")
			assert.True(t, len(exec.calls) > 0 || path.Dir(s.args[1]) == inject.RunDir, "gave up without a try")
		}
	})
}

// allowedProcesses lists all that the wrapper may execute, and says whether the
// owner is strict.
func allowedProcesses(s system) (allowed []inject.Process, strict bool) {
	args := s.args[1:]
	for len(args) > 1 && args[0] == s.self {
		args = args[1:]
	}
	if len(args) == 0 {
		return nil, false
	}
	original := inject.Process{Argv: args, Env: s.env}
	if path.Dir(args[0]) == inject.RunDir {
		value, _ := original.Env.Lookup(inject.ChainVar)
		chain, err := inject.ParseChain(value)
		settings, _ := fragment.ParseSettings(original.Env.Lookup)
		if err != nil {
			return nil, settings.Strict
		}
		if chain.PID != s.pid {
			chain.Wrappers = nil
		}
		return steps(chain, args[1:], original.Env), settings.Strict
	}
	m := s.machine()
	p := inject.Decide(original, m).Before
	settings, _ := fragment.ParseSettings(p.Env.Lookup)
	fragments, _ := fragment.ReadDir(s.root, fragment.Dir)
	plan := inject.New(p, fragments, settings, inject.Detect(p, settings, m), m)
	planned := plan.Apply(p)
	chain := inject.Chain{PID: s.pid, Program: planned.Argv[0]}
	for _, w := range plan.Wrappers {
		chain.Wrappers = append(chain.Wrappers, w.Path)
	}
	return append(steps(chain, planned.Argv[1:], planned.Env), original), settings.Strict
}

// steps lists what a chain may execute.
func steps(chain inject.Chain, args []string, env inject.Env) []inject.Process {
	var list []inject.Process
	for {
		command, rest := chain.Step(args, env)
		list = append(list, command)
		if len(chain.Wrappers) == 0 {
			return list
		}
		chain = rest
	}
}

// brokenFS ends every look at it with a panic.
type brokenFS struct{ value any }

func (b brokenFS) Open(string) (fs.File, error) { panic(b.value) }

// TestPanicWhilePlanning starts the function as it is, without a word of what
// the panic held.
func TestPanicWhilePlanning(t *testing.T) {
	for _, value := range []any{errors.New(secret), secret, 7} {
		var stderr bytes.Buffer
		s := system{args: []string{"/opt/graft", "java", "Main"}, env: []string{"A=1"}, dir: "/", root: brokenFS{value},
			arch: "amd64", self: "/opt/graft", stderr: &stderr}
		exec := &fakeExec{}
		require.Equal(t, -1, runFake(s, exec))
		require.Equal(t, []call{{"/usr/local/bin/java", s.args[1:], s.env}}, exec.calls)
		assert.Equal(t, 1, strings.Count(stderr.String(), "\n"))
		assert.Contains(t, stderr.String(), fmt.Sprintf("(a panic of type %T)", value))
		assert.NotContains(t, stderr.String(), secret)

		s.env = []string{"GRAFT_STRICT=1"}
		assert.Equal(t, exitStrict, runFake(s, &fakeExec{}), "strict")
	}
}
