//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
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
		programEnv(function, f, nil))
}

// TestReferences: a program gets the values that its own fragment names, and
// those only.
func TestReferences(t *testing.T) {
	const otel = "GRAFT_TELEMETRY=platform\x00GRAFT_TELEMETRY_TO=otlp\x00OTEL_EXPORTER_OTLP_HEADERS=ref+awsssm://key\x00OTEL_EXPORTER_OTLP_CERTIFICATE=ref+awsssm://gone"
	files := map[string]string{
		"opt/graft.d/10-one.env":   "GRAFT_RUN=/opt/one\nKEY=ref+awsssm://key\nOWN=ref+awsssm://unused\nPLAIN=1\n",
		"opt/graft.d/20-two.env":   "GRAFT_RUN=/opt/two\nKEY2=ref+awsssm://key\n",
		"opt/graft.d/30-three.env": "GRAFT_RUN=/opt/three\nGONE=ref+awsssm://gone\n",
		"opt/graft.d/40-four.env":  "GRAFT_RUN=/opt/four\nMISSING=x\n",
		"opt/graft.d/50-agent.env": "KEY3=ref+awsssm://other\n",
	}
	for _, optional := range []bool{false, true} {
		env := append([]string{"A=1", "DB=ref+awsssm://db", "OWN=ref+awsssm://own", "MISSING=ref+awsssm://gone"}, strings.Split(otel, "\x00")...)
		if optional {
			env = append(env, "GRAFT_SECRETS=optional")
		}
		m := machineWith(files, env...)
		var asked []string
		m.resolve = func(_, questions []string, limit time.Duration) []reference.Answer {
			asked = append(asked, questions...)
			answers := make([]reference.Answer, len(questions))
			for i, q := range questions {
				if answers[i].Value = "value of " + q; strings.HasSuffix(q, "gone") {
					answers[i] = reference.Answer{Problem: "ParameterNotFound"}
				}
			}
			return answers
		}
		j := decide(m)
		assert.Equal(t, []string{"ref+awsssm://key", "ref+awsssm://own", "ref+awsssm://gone"}, asked, "each once, and none that nobody needs")
		programs := map[string]inject.Env{}
		for _, p := range j.programs {
			programs[p.Name] = slices.DeleteFunc(slices.Clone(p.Env), func(e string) bool {
				return strings.HasPrefix(e, "GRAFT_")
			})
		}
		want := map[string]inject.Env{
			"one": {"A=1", "OWN=value of ref+awsssm://own", "KEY=value of ref+awsssm://key", "PLAIN=1"},
			"two": {"A=1", "KEY2=value of ref+awsssm://key"},
		}
		problems := []string{
			"three: not started: GONE: ref+awsssm://gone: ParameterNotFound",
			"four: not started: MISSING: ref+awsssm://gone: ParameterNotFound",
			"OTEL_EXPORTER_OTLP_CERTIFICATE: ref+awsssm://gone: ParameterNotFound: left out",
		}
		if optional {
			want["four"] = inject.Env{"A=1"}
			problems = append(problems[:1:1], problems[2:]...)
		}
		assert.Equal(t, want, programs)
		assert.Equal(t, problems, j.problems)
		headers, _ := j.wish.env.Lookup("OTEL_EXPORTER_OTLP_HEADERS")
		assert.Equal(t, "value of ref+awsssm://key", headers)
		_, set := j.wish.env.Lookup("OTEL_EXPORTER_OTLP_CERTIFICATE")
		assert.False(t, set)
	}
}

// TestManyProblems: a file can name a thousand things that there are not.
func TestManyProblems(t *testing.T) {
	j := decide(machineWith(nil, "GRAFT_TELEMETRY="+strings.Repeat("x,", 1000)))
	require.Len(t, j.problems, maxProblems+1)
	assert.Equal(t, "and 900 more problems", j.problems[maxProblems])
}

// TestNoSecretsProgram: a layer that was built without it.
func TestNoSecretsProgram(t *testing.T) {
	files := map[string]string{"opt/graft.d/20-a.env": "GRAFT_RUN=/opt/graft-secrets serve\n"}
	j := decide(machineWith(files))
	assert.Empty(t, j.programs)
	assert.Equal(t, []string{"a: not started: /opt/graft-secrets: is not in the layer: build it with graft build --secrets"}, j.problems)
	files["opt/graft-secrets"] = ""
	assert.Len(t, decide(machineWith(files)).programs, 1)
}
