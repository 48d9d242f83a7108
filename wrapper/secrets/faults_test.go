package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/readme"
)

var update = flag.Bool("update", false, "write the table of faults into the README")

// usual is GRAFT_SECRETS_TIMEOUT's default.
const usual = 3 * time.Second

// A fault is a row of the README's table: what is broken, and what is asked.
type fault struct {
	name      string
	questions []string
	reply     func(call) *reply
	// limit is how long it may take; zero: as long as this machine needs.
	limit time.Duration
	// unset and env change the program's environment.
	unset []string
	env   []string
	// before makes further variables; after looks at what is left.
	before func(testing.TB, *service) []string
	after  func(testing.TB, *service)
	// counts is the action whose calls are part of the outcome.
	counts string
	// want are values that are not the service's own, by question.
	want map[string]string
}

// TestFaults makes the README's table.
func TestFaults(t *testing.T) {
	faults := slices.Concat(serviceFaults, answerFaults, machineFaults)
	outcomes := make([]string, len(faults))
	t.Run("rows", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				outcomes[i] = f.run(t)
			})
		}
	})
	if t.Failed() {
		return
	}
	var table bytes.Buffer
	table.WriteString("| fault | what is asked for | outcome |\n| --- | --- | --- |\n")
	for i, f := range faults {
		if outcomes[i] == "" {
			return // -run has chosen some of the rows
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", f.name, asked(f.questions), outcomes[i])
	}
	readme.Hold(t, "../../README.md", "secrets faults", "go test ./wrapper/secrets -run TestFaults -update", table.String(), *update)
}

// TestCalls counts what takes fewer calls than one might think.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		fault
		want string
	}{
		{fault{questions: []string{"ref+awsssm://app/1?role_arn=r", "ref+awssecrets://app-1?role_arn=r", "ref+awssecrets://app-1?role_arn=r&region=eu-west-1"}, counts: "AssumeRole"},
			"2 values, 1× `ResourceNotFoundException: not in region eu-west-1` (1 call of AssumeRole)"},
		{fault{questions: append(parameters(9), "ref+awsssm://app/9?region=us-east-1"), counts: "GetParameters"}, "10 values (1 call of GetParameters)"},
		{fault{questions: append(parameters(1), parameters(1)...), counts: "GetParameters"}, "2 values (1 call of GetParameters)"},
		{fault{questions: parameters(0), counts: "GetParameters"}, " (0 calls of GetParameters)"},
	} {
		assert.Equal(t, c.want, c.run(t))
	}
}

// run has the real program answer, and says what came of it.
func (f fault) run(t *testing.T) string {
	s := newService(t, f.reply)
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=" + leak, "AWS_SESSION_TOKEN=" + leak,
	}
	env = slices.DeleteFunc(env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(f.unset, name)
	})
	env = append(env, f.env...)
	if f.before != nil {
		env = append(env, f.before(t, s)...)
	}
	within := f.limit
	if within == 0 {
		within = limit
	}
	answers := ask(t, env, within, f.questions...)
	if f.after != nil {
		f.after(t, s)
	}
	text := outcome(t, f, answers)
	if f.counts != "" {
		n := s.count(f.counts)
		text += fmt.Sprintf(" (%d %s of %s)", n, map[bool]string{true: "call", false: "calls"}[n == 1], f.counts)
	}
	return text
}

// outcome says how many values there are, and why there are no others.
func outcome(t *testing.T, f fault, answers []reference.Answer) string {
	require.Len(t, answers, len(f.questions))
	values := 0
	var why []string
	missing := make(map[string]int)
	for i, a := range answers {
		assert.NotContains(t, a.Problem, leak)
		if a.Problem != "" {
			if missing[a.Problem]++; missing[a.Problem] == 1 {
				why = append(why, a.Problem)
			}
			continue
		}
		values++
		want, ok := f.want[f.questions[i]]
		if !ok {
			_, name, _ := strings.Cut(f.questions[i], "://")
			name, key, _ := strings.Cut(name, "#/")
			name, _, _ = strings.Cut(name, "?")
			if strings.HasPrefix(f.questions[i], "ref+awsssm") {
				name = "/" + name
			}
			if want = valueOf(name); key != "" {
				want = leak + "-" + key
			}
		}
		assert.Equal(t, want, a.Value, f.questions[i])
	}
	var parts []string
	if values > 0 {
		parts = append(parts, count(values, "value"))
	}
	for _, w := range why {
		text := "`" + w + "`"
		if len(f.questions) > 1 {
			text = fmt.Sprintf("%d× %s", missing[w], text)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "the " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// asked names what a row asks for.
func asked(questions []string) string {
	first := strings.ReplaceAll(questions[0], "|", "\\|")
	if len(questions) == 1 {
		return "`" + first + "`"
	}
	return fmt.Sprintf("`%s` and %d more", first, len(questions)-1)
}
