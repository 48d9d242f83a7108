package inject_test

import (
	"fmt"
	"io/fs"
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

// kept is what the test's services keep; what is not there cannot be had.
var kept = map[string]reference.Answer{
	"ref+awsssm://db":        {Value: "pw-of-db"},
	"ref+awsssm://key":       {Value: "pw-of-key"},
	"ref+awssecrets://empty": {Value: ""},
	"ref+file://nested":      {Value: "ref+awsssm://db"},
	"below:/app/prod/": {
		Vars: []fragment.Var{
			{Name: "DB", Value: "pw-below"}, {Name: "NEW", Value: "pw-new"}, {Name: "NODE_OPTIONS", Value: "--require /tmp/x.js"},
			{Name: "LD_PRELOAD", Value: "/tmp/x.so"}, {Name: "LD_AUDIT", Value: "/tmp/x.so"}, {Name: "BASH_ENV", Value: "/tmp/x.sh"},
			{Name: "GRAFT_DISABLE", Value: "1"}, {Name: "AWS_LAMBDA_EXEC_WRAPPER", Value: "/tmp/x"},
		},
		Notes: []string{"/app/prod/9lives: no variable's name: left out"},
	},
}

// answer answers from kept, and fails the test if it is asked twice.
func answer(t *testing.T) func(inject.Env, []string, time.Duration) []reference.Answer {
	asked := map[string]bool{}
	return func(_ inject.Env, questions []string, limit time.Duration) []reference.Answer {
		assert.Equal(t, 3*time.Second, limit)
		var answers []reference.Answer
		for _, q := range questions {
			assert.False(t, asked[q], "%s is asked twice", q)
			asked[q] = true
			a, ok := kept[q]
			if !ok {
				a.Problem = "ParameterNotFound"
			}
			answers = append(answers, a)
		}
		return answers
	}
}

func TestReferences(t *testing.T) {
	tests := []struct {
		name     string
		env      []string
		files    map[string]string
		after    []string // nil: nothing is started
		problems []string
	}{
		{
			name:  "in its place",
			env:   []string{"A=1", "DB=ref+awsssm://db", "C=x ref+awsssm://db", "D=arn:aws:ssm:eu-west-1:1:parameter/db", "DB=ref+awsssm://db"},
			after: []string{"A=1", "DB=pw-of-db", "C=x ref+awsssm://db", "D=arn:aws:ssm:eu-west-1:1:parameter/db", "DB=pw-of-db"},
		},
		{
			name:  "two of one, an empty one, and none that a service returned",
			env:   []string{"A=ref+awsssm://db", "B=ref+awsssm://db", "E=ref+awssecrets://empty", "N=ref+file://nested"},
			after: []string{"A=pw-of-db", "B=pw-of-db", "E=", "N=ref+awsssm://db", "GRAFT_RESOLVED=N"},
		},
		{
			name:  "what an earlier call has resolved",
			env:   []string{"GRAFT_RESOLVED=A%3AB:GRAFT_SSM_PATH", "GRAFT_SSM_PATH=/none", "A:B=ref+awsssm://none", "DB=ref+awsssm://db"},
			after: []string{"GRAFT_RESOLVED=A%3AB:GRAFT_SSM_PATH", "GRAFT_SSM_PATH=/none", "A:B=ref+awsssm://none", "DB=pw-of-db"},
		},
		{
			name:     "required",
			env:      []string{"A=ref+awsssm://gone", "B=ref+vault://hunter2"},
			problems: []string{"A: ref+awsssm://gone: ParameterNotFound", "B: is none of ref+awsssm://…, ref+awssecrets://…, ref+file://…, and ref+ with the ARN of a parameter or secret"},
		},
		{
			name:     "optional",
			env:      []string{"GRAFT_SECRETS=optional", "A=ref+awsssm://gone", "DB=ref+awsssm://db"},
			after:    []string{"GRAFT_SECRETS=optional", "DB=pw-of-db"},
			problems: []string{"A: ref+awsssm://gone: ParameterNotFound"},
		},
		{
			name:     "optional, and a fragment has a reference for it",
			env:      []string{"GRAFT_SECRETS=optional", "A=ref+awsssm://gone", "KEY=ref+awsssm://gone", "DB=ref+awsssm://db"},
			files:    map[string]string{"opt/graft.d/50-a.env": "KEY=ref+awsssm://key\nDB=ref+awsssm://none\n"},
			after:    []string{"GRAFT_SECRETS=optional", "DB=pw-of-db", "KEY=pw-of-key"},
			problems: []string{"A: ref+awsssm://gone: ParameterNotFound", "KEY: ref+awsssm://gone: ParameterNotFound"},
		},
		{
			name:  "graft's own settings are none",
			env:   []string{"GRAFT_RUNTIME=other", "GRAFT_NEXT=ref+file://nested"},
			after: []string{"GRAFT_RUNTIME=other", "GRAFT_NEXT=ref+file://nested"}, problems: []string{"GRAFT_NEXT: is not an absolute path: ignored"},
		},
		{
			name:  "env file",
			env:   []string{"GRAFT_ENV_FILE=a.env", "A=1"},
			files: map[string]string{"var/task/a.env": "DB=ref+awsssm://db\nA=ref+awsssm://gone\n"},
			after: []string{"GRAFT_ENV_FILE=a.env", "A=1", "DB=pw-of-db"},
		},
		{
			name:  "fragment",
			env:   []string{"OWN=1"},
			files: map[string]string{"opt/graft.d/50-a.env": "KEY=ref+awsssm://key\nOWN=ref+awsssm://gone\nX=1\n"},
			after: []string{"OWN=1", "KEY=pw-of-key", "X=1"},
		},
		{
			name: "a fragment stands down",
			env:  []string{"A=1"},
			files: map[string]string{
				"opt/graft.d/50-a.env": "X=1\nKEY=ref+awsssm://gone\n", "opt/graft.d/60-b.env": "Y=1\n",
				"opt/graft.d/70-c.env": "Z=1\nLD_PRELOAD=ref+awsssm://db\n", "opt/graft.d/80-d.env": "GRAFT_RUNTIMES=java\nKEY=ref+awsssm://gone\n",
			},
			after: []string{"A=1", "Y=1"},
			problems: []string{"other: c: skipped: LD_PRELOAD: is merged with what is there, and cannot be a reference",
				"other: a: skipped: KEY: ref+awsssm://gone: ParameterNotFound"},
		},
		{
			name:  "an agent that is switched off asks for nothing",
			env:   []string{"GRAFT_DISABLE=a"},
			files: map[string]string{"opt/graft.d/50-a.env": "KEY=ref+awsssm://gone\n"},
			after: []string{"GRAFT_DISABLE=a"},
		},
		{
			name:  "below a path",
			env:   []string{"GRAFT_SSM_PATH=app/prod/", "DB=mine"},
			files: map[string]string{"opt/graft.d/50-a.env": "NEW=default\n", "opt/graft.d/60-b.env": "NEW=ref+awsssm://gone\nX=1\n"},
			after: []string{"GRAFT_SSM_PATH=app/prod/", "DB=mine", "NEW=pw-new", "X=1"},
			problems: []string{"GRAFT_SSM_PATH: /app/prod/9lives: no variable's name: left out",
				"GRAFT_SSM_PATH: NODE_OPTIONS: is not taken from a parameter: left out",
				"GRAFT_SSM_PATH: LD_PRELOAD: is not taken from a parameter: left out",
				"GRAFT_SSM_PATH: LD_AUDIT: is not taken from a parameter: left out",
				"GRAFT_SSM_PATH: BASH_ENV: is not taken from a parameter: left out",
				"GRAFT_SSM_PATH: GRAFT_DISABLE: is not taken from a parameter: left out",
				"GRAFT_SSM_PATH: AWS_LAMBDA_EXEC_WRAPPER: is not taken from a parameter: left out"},
		},
		{
			name:     "a path that cannot be read",
			env:      []string{"GRAFT_SSM_PATH=/none"},
			problems: []string{"GRAFT_SSM_PATH: /none: ParameterNotFound"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := inject.Decide(inject.Process{Argv: []string{"/var/task/app"}, Env: test.env}, referencesMachine(t, test.files))
			assert.Equal(t, test.after == nil, d.Fatal)
			if test.after != nil {
				assert.Equal(t, inject.Env(test.after), d.Process.Env)
			}
			var problems []string
			for _, p := range d.Problems {
				problems = append(problems, p.String())
			}
			assert.Equal(t, test.problems, problems)
			for _, text := range append(problems, fmt.Sprint(d.Plan.Notes, d.Plan.Skips, d.References, d.Warnings)) {
				assert.NotContains(t, text, "pw-")
				assert.NotContains(t, text, "hunter2")
			}
		})
	}
}

func referencesMachine(t *testing.T, files map[string]string) inject.Machine {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return inject.Machine{Root: fsys, Dir: "/var/task", Arch: "amd64", Self: "/opt/graft", Resolve: answer(t)}
}

// TestReferencesUnasked: who only looks, sees the references.
func TestReferencesUnasked(t *testing.T) {
	m := referencesMachine(t, map[string]string{"opt/graft.d/50-a.env": "KEY=ref+awsssm://key\n"})
	m.Resolve = nil
	p := inject.Process{Argv: []string{"/var/task/app"}, Env: inject.Env{"DB=ref+awsssm://db"}}
	d := inject.Decide(p, m)
	assert.False(t, d.Fatal)
	assert.Empty(t, d.Problems)
	assert.Equal(t, inject.Env{"DB=ref+awsssm://db", "KEY=ref+awsssm://key"}, d.Process.Env)
	assert.Equal(t, []inject.Use{{Name: "DB", Reference: "ref+awsssm://db"}, {Agent: "a", Name: "KEY", Reference: "ref+awsssm://key"}}, d.References)
}

// TestReferencesKept: who leaves references as they are, sees nothing else.
func TestReferencesKept(t *testing.T) {
	m := referencesMachine(t, map[string]string{"opt/graft.d/50-a.env": "KEY=ref+awsssm://key\n", "var/task/run.sh": "#!/bin/sh\n"})
	m.Resolve = func(_ inject.Env, questions []string, _ time.Duration) []reference.Answer {
		answers := make([]reference.Answer, len(questions))
		for i, q := range questions {
			answers[i].Value = q
		}
		return answers
	}
	d := inject.Decide(inject.Process{Argv: []string{"/var/task/run.sh"}, Env: inject.Env{"DB=ref+awsssm://db"}}, m)
	assert.Equal(t, inject.Env{"DB=ref+awsssm://db", "KEY=ref+awsssm://key"}, d.Process.Env)
}

// TestReferencesTwice: in front of a script, which may call graft again, what
// is below a path is fetched once.
func TestReferencesTwice(t *testing.T) {
	m := referencesMachine(t, map[string]string{"var/task/run.sh": "#!/bin/sh\n"})
	env := inject.Env{"GRAFT_SSM_PATH=/app/prod/", "DB=ref+awsssm://db"}
	for range 2 {
		d := inject.Decide(inject.Process{Argv: []string{"/var/task/run.sh"}, Env: env}, m)
		assert.False(t, d.Fatal)
		env = d.Process.Env
		assert.Equal(t, inject.Env{"GRAFT_SSM_PATH=/app/prod/", "DB=pw-of-db", "NEW=pw-new", "GRAFT_RESOLVED=GRAFT_SSM_PATH"}, env)
	}
}

func TestReferencesSnapStart(t *testing.T) {
	d := inject.Decide(inject.Process{Argv: []string{"/var/task/app"},
		Env: inject.Env{"DB=ref+awsssm://db", "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start"}}, referencesMachine(t, nil))
	assert.Empty(t, d.Problems)
	require.Len(t, d.Warnings, 1)
	assert.True(t, strings.HasPrefix(d.Warnings[0], "SnapStart: "))
}

// TestReferencesPanic: a panic must not start a function with a reference in
// the place of its secret.
func TestReferencesPanic(t *testing.T) {
	for _, optional := range []bool{false, true} {
		env := inject.Env{"DB=ref+awsssm://db"}
		if optional {
			env = append(env, "GRAFT_SECRETS=optional")
		}
		m := referencesMachine(t, nil)
		m.Resolve = func(inject.Env, []string, time.Duration) []reference.Answer { panic("pw-of-db") }
		d := inject.Decide(inject.Process{Argv: []string{"/var/task/app"}, Env: env}, m)
		assert.Equal(t, !optional, d.Fatal)
		require.Len(t, d.Problems, 1)
		assert.NotContains(t, d.Problems[0].String(), "pw-")
		if optional {
			assert.Equal(t, inject.Env{"GRAFT_SECRETS=optional"}, d.Process.Env)
		}
	}
}

// TestReferencesPanicBefore: a reference in an env file is required too.
func TestReferencesPanicBefore(t *testing.T) {
	m := referencesMachine(t, map[string]string{"var/task/a.env": "DB=ref+awsssm://db\n"})
	m.Resolve = func(inject.Env, []string, time.Duration) []reference.Answer { panic("pw-of-db") }
	d := inject.Decide(inject.Process{Argv: []string{"/var/task/app"}, Env: inject.Env{"GRAFT_ENV_FILE=a.env"}}, m)
	assert.True(t, d.Fatal)
}

// TestReferencesPanicBehind: what is resolved is there, whatever happens then.
func TestReferencesPanicBehind(t *testing.T) {
	for _, env := range []inject.Env{
		{"GRAFT_SSM_PATH=/app/prod/", "DB=ref+awsssm://db"},
		{"GRAFT_SSM_PATH=/app/prod/", "DB=ref+file://nested"},
	} {
		m := referencesMachine(t, map[string]string{"opt/graft.d/50-a.env": "AWS_LAMBDA_EXEC_WRAPPER=/opt/wrapper\n"})
		root := &fallingFS{FS: m.Root}
		resolve := m.Resolve
		m.Root, m.Resolve = root, func(env inject.Env, questions []string, limit time.Duration) []reference.Answer {
			root.fallen = true
			return resolve(env, questions, limit)
		}
		d := inject.Decide(inject.Process{Argv: []string{"/var/task/app"}, Env: env}, m)
		require.NotEmpty(t, d.Problems)
		assert.Contains(t, d.Problems[len(d.Problems)-1].String(), "internal error")
		assert.False(t, d.Fatal)
		want, _ := env.Lookup("DB")
		value, _ := d.Process.Env.Lookup("DB")
		assert.Equal(t, kept[want].Value, value)
	}
}

// A fallingFS panics from some moment on.
type fallingFS struct {
	fs.FS
	fallen bool
}

func (f *fallingFS) Open(name string) (fs.File, error) {
	if f.fallen {
		panic("pw-of-db")
	}
	return f.FS.Open(name)
}

// TestReferencesOwners: a fragment's reference is no reason to start without
// agents otherwise than without it.
func TestReferencesOwners(t *testing.T) {
	p := inject.Process{Argv: []string{"/var/task/app"}, Env: inject.Env{"GRAFT_ENV_FILE=a.env"}}
	for text, want := range map[string]inject.Env{
		"A=1\n":                     {"GRAFT_ENV_FILE=a.env"},
		"A=1\nDB=ref+awsssm://db\n": {"GRAFT_ENV_FILE=a.env", "A=1", "DB=pw-of-db"},
	} {
		d := inject.Decide(p, referencesMachine(t, map[string]string{"opt/graft.d/50-a.env": "KEY=ref+awsssm://key\n", "var/task/a.env": text}))
		assert.Empty(t, d.Problems)
		assert.Equal(t, want, d.Owners(p).Env)
	}
}

// TestFetched: what was fetched is known by its name.
func TestFetched(t *testing.T) {
	p := inject.Process{Argv: []string{"/var/task/app"}, Env: inject.Env{"GRAFT_SECRETS=optional", "GRAFT_SSM_PATH=/app/prod/", "A=1", "E=ref+awssecrets://empty", "GONE=ref+awsssm://gone"}}
	d := inject.Decide(p, referencesMachine(t, map[string]string{"opt/graft.d/50-a.env": "KEY=ref+awsssm://key\nA=ref+awsssm://db\nX=1\n"}))
	assert.Equal(t, []string{"E", "KEY", "DB", "NEW"}, d.Fetched)
}

// FuzzReferences: Keep and Nothing else. A variable that is no reference keeps
// its bytes and its place, and no message holds a value.
func FuzzReferences(f *testing.F) {
	f.Add("DB=ref+awsssm://db\x00A=1", "KEY=ref+awsssm://key\n")
	f.Add("GRAFT_SECRETS=optional\x00=ref+x\x00A=ref+\x00ref+awsssm://db", "A=ref+file://nested\nA=1\n")
	f.Add("GRAFT_SSM_PATH=ref+awsssm://db\x00GRAFT_SSM_PATH=/app/prod/", "\n")
	f.Fuzz(func(t *testing.T, env, text string) {
		p := inject.Process{Argv: []string{"/var/task/app"}, Env: strings.Split(env, "\x00")}
		m := referencesMachine(t, map[string]string{"opt/graft.d/50-a.env": text})
		m.Resolve = func(_ inject.Env, questions []string, _ time.Duration) []reference.Answer {
			answers := make([]reference.Answer, len(questions))
			for i := range answers {
				answers[i] = kept[questions[i]]
				answers[i].Value += "pw-of-fuzz"
			}
			return answers
		}
		d := inject.Decide(p, m)
		if d.Disabled {
			require.Equal(t, p, d.Process)
			return
		}
		for _, problem := range d.Problems {
			require.NotContains(t, problem.String(), "pw-of-fuzz")
		}
		plain := func(e inject.Env) []string {
			var list []string
			for _, entry := range e {
				if name, value, _ := strings.Cut(entry, "="); !reference.Is(value) || strings.HasPrefix(name, "GRAFT_") {
					list = append(list, entry)
				}
			}
			return list
		}
		// The fragment may add to lists, but to nothing else.
		rest := []string(d.Before.Env)
		for _, entry := range plain(p.Env) {
			i := slices.Index(rest, entry)
			require.GreaterOrEqual(t, i, 0, "%q is lost or out of order", entry)
			rest = rest[i+1:]
		}
	})
}
