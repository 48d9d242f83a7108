package inject_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
)

// checkPromises checks what graft promises of every plan.
func checkPromises(t testing.TB, c planCase, plan inject.Plan) {
	t.Helper()
	before := inject.Process{Argv: slices.Clone(c.process.Argv), Env: slices.Clone(c.process.Env)}
	after := plan.Apply(c.process)
	require.Equal(t, before, c.process, "a process is never modified in place")
	checkArguments(t, before.Argv, after.Argv, plan)
	checkVariables(t, before.Env, after.Env, plan)
	checkWhole(t, c, after, plan)
	checkOnce(t, c, plan)
}

// checkArguments: Keep and Nothing else, for the command line. All that was
// there is there in its order, but for what the contract lets graft change.
func checkArguments(t testing.TB, before, after []string, plan inject.Plan) {
	t.Helper()
	kept := slices.Clone(before)
	inserted := 0
	for _, e := range plan.Edits {
		switch e.Kind {
		case inject.InsertArgument:
			inserted++
		case inject.ReplaceArgument:
			change := [2]string{before[e.At], e.Added}
			assert.Contains(t, [][2]string{{"-Xshare:on", "-Xshare:auto"}, {"-XX:AOTMode=on", "-XX:AOTMode=auto"}}, change)
			kept[e.At] = e.Added
		case inject.SetHandler:
			if e.At >= 0 {
				kept[e.At] = e.Added
			}
		}
	}
	for i := len(before) - 1; i >= 0; i-- {
		removed := func(e inject.Edit) bool { return e.Kind == inject.RemoveArgument && e.At == i }
		if slices.ContainsFunc(plan.Edits, removed) {
			assert.Regexp(t, `^-XX:(AOTCache=|\+Use\w+GC$)`, before[i], "must stay")
			kept = slices.Delete(kept, i, i+1)
		}
	}
	require.Len(t, after, len(kept)+inserted)
	rest := after
	for _, arg := range kept {
		i := slices.Index(rest, arg)
		require.GreaterOrEqual(t, i, 0, "argument %q is lost or out of order", arg)
		rest = rest[i+1:]
	}
	require.Equal(t, before[0], after[0], "the program")
}

// checkVariables: Keep and Nothing else, for the environment. A variable that
// is not planned keeps its bytes and its place; one that is planned holds the
// owner's bytes with ours around them.
func checkVariables(t testing.TB, before, after inject.Env, plan inject.Plan) {
	t.Helper()
	front, back, set := map[string][]string{}, map[string][]string{}, map[string]string{}
	seps := map[string]string{"NODE_OPTIONS": " ", "JAVA_TOOL_OPTIONS": " ", "RUBYOPT": " ", "OTEL_RESOURCE_ATTRIBUTES": ","}
	for _, e := range plan.Edits {
		switch e.Kind {
		case inject.SetVariable:
			set[e.Name] = e.Added
		case inject.KeepHandler:
			set[e.Name] = ""
		case inject.SetHandler:
			set["_HANDLER"] = e.Added
		case inject.PrependVariable:
			front[e.Name] = append(front[e.Name], e.Added)
		case inject.AppendVariable:
			back[e.Name] = append(back[e.Name], e.Added)
		}
	}
	require.GreaterOrEqual(t, len(after), len(before))
	seen := map[string]bool{}
	for i, entry := range after {
		name, value, _ := strings.Cut(entry, "=")
		old, wasSet := before.Lookup(name)
		if i < len(before) && seen[name] || i < len(before) && front[name] == nil && back[name] == nil && set[name] == "" {
			require.Equal(t, before[i], entry, "not planned")
			continue
		}
		require.False(t, i >= len(before) && wasSet, "%s is given a second time", name)
		require.False(t, seen[name], "%s is given twice", name)
		seen[name] = true
		switch want, replaced := set[name]; {
		case name == "_HANDLER":
			require.Equal(t, want, value)
		case replaced:
			require.True(t, !wasSet || inject.ManagedDefault(name, old), "%s was the owner's", name)
			if want != "" {
				require.Equal(t, want, value)
			}
		default:
			parts := front[name]
			if old != "" {
				parts = append(slices.Clone(parts), old)
			}
			sep, ok := seps[name]
			if !ok {
				sep = ":"
			}
			want := strings.Join(append(slices.Clone(parts), back[name]...), sep)
			if sep == "," && strings.HasSuffix(strings.TrimRight(old, " \t"), ",") {
				want = strings.Join(front[name], sep) + old + strings.Join(back[name], sep)
			}
			require.Equal(t, want, value, "%s keeps the owner's text", name)
		}
	}
}

// checkWhole: an agent that is skipped changes nothing, and of one that is not
// all that loads code is there.
func checkWhole(t testing.TB, c planCase, after inject.Process, plan inject.Plan) {
	t.Helper()
	for _, s := range plan.Skips {
		assert.NotEmpty(t, s.Why)
		mine := func(e inject.Edit) bool { return s.Agent != "" && e.Agent == s.Agent }
		assert.False(t, slices.ContainsFunc(plan.Edits, mine), "%s is skipped and yet half applied", s.Agent)
		assert.NotContains(t, plan.Agents, s.Agent, "is skipped")
		for _, w := range plan.Wrappers {
			assert.False(t, s.Agent != "" && w.Agent == s.Agent, "%s is skipped, its wrapper runs", s.Agent)
		}
	}
	all := strings.Join(after.Argv, "\n") + "\n" + strings.Join(after.Env, "\n")
	for _, f := range c.fragments {
		if !slices.Contains(plan.Agents, f.Name) {
			continue
		}
		for _, v := range f.Vars {
			for _, file := range inject.Loads(plan.Runtime, v.Name, v.Value) {
				assert.Contains(t, all, file, "%s is an agent, but its %s does not load it", f.Name, v.Name)
			}
		}
	}
}

// checkOnce: a second run on the result adds nothing and skips nobody more.
func checkOnce(t testing.TB, c planCase, plan inject.Plan) {
	t.Helper()
	again := c.onResult(plan).plan()
	assert.Empty(t, again.Edits, "a second run adds")
	for _, s := range again.Skips {
		before := func(first inject.Skip) bool { return first.Agent == s.Agent }
		assert.True(t, slices.ContainsFunc(plan.Skips, before), "a second run skips %s: %s", s.Agent, s.Why)
	}
}
