//go:build linux

package main

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

func machineWith(files map[string]string, env ...string) machine {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return machine{env: inject.Env(env), dir: "/var/task", root: root}
}

func TestDecide(t *testing.T) {
	j := decide(machineWith(map[string]string{
		"opt/graft.d/10-one.env":   "GRAFT_RUN=/opt/one --x 'a b'\nGRAFT_RUN_READY=exit\nGRAFT_RUN_READY_TIMEOUT=3s\nGRAFT_RUNTIMES=java\nA=1\n",
		"opt/graft.d/20-agent.env": "NODE_OPTIONS=--require /opt/agent.js\n",
		"opt/graft.d/30-two.env":   "GRAFT_RUN=two\n",
		"opt/graft.d/40-off.env":   "GRAFT_RUN=off\n",
		"opt/graft.d/50-bad.env":   "GRAFT_RUN=s3cret |\n",
		"opt/graft.d/60-bad2.env":  "GRAFT_RUN=s3cret |\n",
		"opt/graft.d/README":       "not a fragment\n",
		"var/task/own.env":         "B=2\nGRAFT_LOG=info\nGRAFT_DISABLE=one\n",
	}, "GRAFT_DISABLE=off,bad2", "GRAFT_ENV_FILE=own.env:gone.env", "C=3"))
	require.Len(t, j.programs, 2)
	one, two := j.programs[0], j.programs[1]
	assert.Equal(t, "one", one.Name)
	assert.Equal(t, []string{"/opt/one", "--x", "a b"}, one.Argv)
	assert.Equal(t, fragment.Ready{By: fragment.ReadyExit}, one.Ready)
	assert.Equal(t, 3*time.Second, one.Timeout)
	assert.Subset(t, one.Env, []string{"A=1", "B=2", "C=3"})
	assert.Equal(t, "two", two.Name)
	assert.NotContains(t, two.Env, "A=1", "of another fragment")
	assert.Equal(t, fragment.Info, j.log)
	assert.Equal(t, []string{
		"GRAFT_ENV_FILE: gone.env: no such file: left out",
		"bad: skipped: /opt/graft.d/50-bad.env:1: GRAFT_RUN stops at byte 7, at one of ; & | < >: quote it",
	}, j.problems)
}

// TestDisabled: everything off means that nothing is even read.
func TestDisabled(t *testing.T) {
	for _, value := range []string{"1", "true", "*", "a,*"} {
		m := machineWith(nil, "GRAFT_DISABLE="+value, "GRAFT_TELEMETRY=platform")
		m.root = panicking{}
		assert.Equal(t, job{log: fragment.Warn}, decide(m), value)
	}
}

func TestProgramEnv(t *testing.T) {
	function := inject.Env{"A=function", "NODE_OPTIONS=x", "JAVA_TOOL_OPTIONS=x", "JDK_JAVA_OPTIONS=x", "PYTHONPATH=x", "RUBYOPT=x", "RUBYLIB=x",
		"DOTNET_STARTUP_HOOKS=x", "CORECLR_ENABLE_PROFILING=1", "CORECLR_PROFILER_PATH_ARM64=x", "CORECLR_NEW=x", "LD_PRELOAD=x", "AWS_LAMBDA_EXEC_WRAPPER=/opt/graft",
		"PATH=/bin", "NODE_PATH=x", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "GRAFT_LOG=info", "EMPTY="}
	f, err := fragment.Parse("f", "a", []byte(strings.Join([]string{"GRAFT_RUN=x", "A=fragment", "B=fragment", "EMPTY=fragment",
		"NODE_OPTIONS=y", "PYTHONPATH=/y", "PATH=/y", "LD_LIBRARY_PATH=/y", "OTEL_RESOURCE_ATTRIBUTES=a=b", "CORECLR_NEW2=y", "OTEL_X=y"}, "\n")))
	require.NoError(t, err)
	assert.Equal(t, inject.Env{"A=function", "PATH=/bin", "NODE_PATH=x", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "GRAFT_LOG=info", "EMPTY=", "B=fragment", "OTEL_X=y"},
		programEnv(function, f))
}
