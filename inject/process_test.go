package inject_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
)

func TestEnv(t *testing.T) {
	env := inject.Env{"A=1", "odd", "=x", "AB=2", "A=3", "E=", "A"}
	for name, want := range map[string]string{"A": "1", "AB": "2", "E": ""} {
		got, ok := env.Lookup(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, got, "the first entry counts")
	}
	for _, name := range []string{"B", "odd", "od", "A=1"} {
		_, ok := env.Lookup(name)
		assert.False(t, ok, name)
	}
	before := append(inject.Env{}, env...)
	assert.Equal(t, inject.Env{"A=9", "odd", "=x", "AB=2", "A=3", "E=", "A"}, env.With("A", "9"), "in place of its first entry")
	assert.Equal(t, append(append(inject.Env{}, env...), "N=1"), env.With("N", "1"), "at the end if it was not set")
	assert.Equal(t, inject.Env{"odd", "=x", "AB=2", "E=", "A"}, env.Without("A"))
	assert.Equal(t, before, env, "never modified in place")
}

// TestEnvAliasing: a slice with spare capacity is not written to
// (opentelemetry-operator#4954).
func TestEnvAliasing(t *testing.T) {
	env := append(make(inject.Env, 0, 8), "A=1")
	b, c := env.With("B", "1"), env.With("C", "1")
	assert.Equal(t, inject.Env{"A=1", "B=1"}, b)
	assert.Equal(t, inject.Env{"A=1", "C=1"}, c)
	plan := inject.Plan{Edits: []inject.Edit{{Kind: inject.SetVariable, Name: "D", Added: "1"}}}
	d := plan.Apply(inject.Process{Argv: []string{"x"}, Env: env})
	assert.Equal(t, inject.Env{"A=1", "D=1"}, d.Env)
	assert.Equal(t, inject.Env{"A=1", "B=1"}, b)
}

func TestChain(t *testing.T) {
	chain := inject.Chain{PID: 7, Program: "/var/lang/bin/node", Wrappers: []string{"/opt/a", "/opt/b c", "/opt/d:e%3A\nf"}}
	env := inject.Env{"X=1"}
	args := []string{"--flag", "index.mjs"}
	var programs [][]string
	for {
		read, err := inject.ParseChain(chain.String())
		require.NoError(t, err)
		require.Equal(t, chain.PID, read.PID)
		require.Equal(t, chain.Program, read.Program)
		command, rest := chain.Step(args, env)
		programs = append(programs, command.Argv)
		value, set := command.Env.Lookup(inject.ChainVar)
		assert.Equal(t, len(rest.Wrappers) > 0 && len(chain.Wrappers) > 0, set, "the chain does not reach the runtime")
		if set {
			assert.Equal(t, rest.String(), value)
		}
		if len(chain.Wrappers) == 0 {
			break
		}
		chain = rest
	}
	assert.Equal(t, [][]string{
		{"/opt/a", "/opt/graft-run/node", "--flag", "index.mjs"},
		{"/opt/b c", "/opt/graft-run/node", "--flag", "index.mjs"},
		{"/opt/d:e%3A\nf", "/var/lang/bin/node", "--flag", "index.mjs"},
		{"/var/lang/bin/node", "--flag", "index.mjs"},
	}, programs, "each finds in $1 what it expects")
	for _, bad := range []string{"", "x", "7", "7:", "x:/bin/true"} {
		_, err := inject.ParseChain(bad)
		assert.Error(t, err, "%q", bad)
	}
}

func TestManagedDefault(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"NODE_EXTRA_CA_CERTS", "/var/runtime/ca-cert.pem", true}, {"NODE_EXTRA_CA_CERTS", "/var/runtime/ca-cert.pem2", false}, {"NODE_EXTRA_CA_CERTS", "", false},
		{"NODE_PATH", "/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task", true},
		{"NODE_PATH", "/opt/nodejs/node/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task", false},
		{"NODE_PATH", "/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task:/own", false},
		{"GEM_PATH", "/var/task/vendor/bundle/ruby/3.4.0:/opt/ruby/gems/3.4.0", true}, {"GEM_PATH", "/var/task/vendor/bundle/ruby/x:/opt/ruby/gems/3.4.0", false},
		{"SSL_CERT_FILE", "/tmp/noop", true}, {"SSL_CERT_FILE", "/var/task/ca.pem", false}, {"ANY", "/tmp/noop", false},
	} {
		assert.Equal(t, c.want, inject.ManagedDefault(c.name, c.value), "%s=%s", c.name, c.value)
	}
}
