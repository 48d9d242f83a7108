// Package explain says what graft would do to a function, before it is
// deployed: its command line and environment before and after, each change with
// the agent that asks for it, and what is left out and why.
//
// There is no second planner: [inject.Decide] decides, as in the wrapper. What
// differs is the file system, which is put together from layers and code, and
// the process, which is what the managed runtime would start. The command graft
// explain is its only user.
//
// Values that graft writes are shown. A value that only the function's owner
// has set never is: [Hidden] stands for it.
package explain

import (
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/show"
	"github.com/graft-lambda/graft/layers/check"
)

// Hidden stands in place of a value that graft did not write.
const Hidden = "(your value)"

// Unknown stands in place of a value that only the deployment knows, if there is
// one at all.
const Unknown = "(not known)"

// Secret stands in place of a fragment's value that seems to be a secret.
const Secret = "(a secret)"

// A Subject is a function to explain.
type Subject struct {
	// Name is the function's logical id in a template, and Line where it stands
	// there; often empty.
	Name string
	Line int
	// Runtime is Lambda's name for it, or empty.
	Runtime string
	// Assumed says what of the command line is not known for certain.
	Assumed string
	// Process is what would be started without graft. The entries that are also
	// in Platform are Lambda's own; the others the owner's.
	Process  inject.Process
	Platform inject.Env
	// Unknown are the owner's variables whose values are not known: in Process
	// they are empty. AnyUnknown is set if there may be others.
	Unknown    []string
	AnyUnknown bool
	// Root is the file system, Arch the processor as Go names it, Dir the
	// working directory.
	Root fs.FS
	Arch string
	Dir  string
	// Open is set if there may be more in /opt than Root has: in layers that are
	// not here, or that graft build has still to make.
	Open bool
	// Stops are reasons why the function will not start at all.
	Stops []string
	// Remarks say what is not known or not as the owner may think.
	Remarks []string
}

// A Result is what graft would do to a function. Its JSON names are stable.
type Result struct {
	Function string `json:"function,omitempty"`
	// Line is where the template has the function.
	Line int `json:"line,omitempty"`
	// Error is why the function cannot be explained; then little else is set.
	Error string `json:"error,omitempty"`
	// Nested is set for a nested template, which Function and Line name: where it
	// is. Its functions are not explained; little else is set.
	Nested string `json:"nested,omitempty"`
	// Runtimes are those with this result; Before and After are of the last.
	Runtimes     []string `json:"runtimes"`
	Architecture string   `json:"architecture"`
	Language     string   `json:"language"`
	Version      string   `json:"version,omitempty"`
	// DoesNotStart is what keeps the function from starting, as it is.
	DoesNotStart []string `json:"doesNotStart"`
	// Disabled is set if GRAFT_DISABLE switches everything off.
	Disabled    bool     `json:"disabled"`
	Agents      []string `json:"agents"`
	Before      []string `json:"commandBefore"`
	After       []string `json:"commandAfter"`
	Environment []Change `json:"environment"`
	// References are the variables whose values are fetched before the start.
	References []Reference `json:"references"`
	Edits      []Edit      `json:"edits"`
	Wrappers   []Wrapper   `json:"wrappers"`
	// Skipped is what is left out and should not be. GRAFT_STRICT=1 stops at it,
	// but for what the companion would do.
	Skipped []Skip `json:"skipped"`
	// Unused are the fragments that do not concern this function.
	Unused  []Skip   `json:"unused"`
	Notes   []Skip   `json:"notes"`
	Remarks []string `json:"remarks"`
	Assumed string   `json:"assumed,omitempty"`
}

// A Change is a variable before and after; Before is nil if it was not set.
type Change struct {
	Name   string  `json:"name"`
	Before *string `json:"before"`
	After  string  `json:"after"`
}

// An Edit is one change that the plan makes.
type Edit struct {
	// Agent is empty for what graft does of itself, Fragment then too.
	Agent    string `json:"agent"`
	Fragment string `json:"fragment"`
	// Kind is set, prepend, append, insert, replace, remove, keep handler or
	// set handler.
	Kind string `json:"kind"`
	// Name is the variable or, for an argument that goes, the option.
	Name  string `json:"name,omitempty"`
	Added string `json:"added,omitempty"`
	// Text is the change as a sentence, Reason why it is made so.
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

// A Wrapper is another vendor's wrapper that runs behind graft.
type Wrapper struct {
	Agent string `json:"agent"`
	Path  string `json:"path"`
}

// A Skip is something about an agent, with the reason. Agent is empty if it is
// about graft's settings.
type Skip struct {
	Agent    string `json:"agent"`
	Fragment string `json:"fragment"`
	Reason   string `json:"reason"`
}

// Explain decides as the wrapper would, and says what came out.
func Explain(s Subject) Result {
	d := inject.Decide(s.Process, inject.Machine{Root: s.Root, Dir: s.Dir, Arch: s.Arch, Self: "/opt/graft", Resolve: s.unresolved})
	files := newFiles(s.Root, d)
	before := inject.Process{Argv: d.Before.Argv, Env: s.hide(d.Before.Env)}
	d.Plan.Edits = withoutSecrets(d.Plan.Edits)
	after := d.Plan.Apply(before)
	r := Result{
		Function: s.Name, Line: s.Line, Architecture: s.Arch, Assumed: s.Assumed, Remarks: s.Remarks,
		DoesNotStart: s.Stops, Disabled: d.Disabled,
		Language: string(d.Plan.Runtime.Language),
		Before:   before.Argv, After: after.Argv, Environment: changes(before.Env, after.Env),
	}
	if s.Runtime != "" {
		r.Runtimes = []string{s.Runtime}
	}
	if v := d.Plan.Runtime.Version; v.Known() {
		r.Version = v.String()
	}
	for _, name := range d.Plan.Agents {
		only := func(f fragment.Fragment) bool { return f.Name == name && onlyRun(f) }
		if !slices.Contains(r.Agents, name) && !slices.ContainsFunc(d.Fragments, only) {
			r.Agents = append(r.Agents, name)
		}
	}
	if s.fetches() {
		r.References = references(d.References, files)
	}
	if d.Fatal {
		r.DoesNotStart = append(r.DoesNotStart, "a reference of its own has no value: see what is left out")
	}
	r.Remarks = append(r.Remarks, d.Warnings...)
	if len(d.Misnamed) > 0 {
		r.Remarks = append(r.Remarks, check.Misnamed(d.Misnamed, slices.Collect(maps.Keys(files.all))))
	}
	front := map[string]string{} // what was put there last, by variable
	for _, e := range d.Plan.Edits {
		text, reason := sentence(e, before, front[e.Name], d.Plan.Runtime.Language, s.AnyUnknown)
		if e.Kind == inject.PrependVariable {
			front[e.Name] = e.Added
		}
		r.Edits = append(r.Edits, Edit{e.Agent, files.of(e.Agent, e.Name), e.Kind.String(), e.Name, e.Added, text, reason})
	}
	for _, w := range d.Plan.Wrappers {
		r.Wrappers = append(r.Wrappers, Wrapper{w.Agent, w.Path})
	}
	for _, p := range d.Problems {
		r.Skipped = append(r.Skipped, Skip{p.Agent, files.ofProblem(p), p.Why})
	}
	for _, n := range d.Plan.Notes {
		r.Notes = append(r.Notes, Skip{n.Agent, files.of(n.Agent, ""), n.Text})
	}
	if !d.Disabled {
		r.Unused = unused(d)
		notes, skips := companion(s, d)
		r.Notes, r.Skipped = append(r.Notes, notes...), append(r.Skipped, skips...)
	}
	return r.complete()
}

// complete puts empty lists in place of nil ones, for the JSON.
func (r Result) complete() Result {
	r.DoesNotStart, r.Before, r.After = some(r.DoesNotStart), some(r.Before), some(r.After)
	r.Runtimes, r.Agents, r.Environment, r.Edits = some(r.Runtimes), some(r.Agents), some(r.Environment), some(r.Edits)
	r.Wrappers, r.Skipped, r.Unused = some(r.Wrappers), some(r.Skipped), some(r.Unused)
	r.Notes, r.Remarks, r.References = some(r.Notes), some(r.Remarks), some(r.References)
	return r
}

// withoutSecrets puts Secret in place of the secrets that fragments should not
// hold, but may.
func withoutSecrets(edits []inject.Edit) []inject.Edit {
	edits = slices.Clone(edits)
	for i, e := range edits {
		if e.Kind == inject.SetVariable && check.Secret(e.Name, e.Added) {
			edits[i].Added = Secret
		}
	}
	return edits
}

// hide puts Hidden in place of the owner's values, and Unknown where there may be
// one.
func (s Subject) hide(env inject.Env) inject.Env {
	hidden := slices.Clone(env)
	for i, entry := range hidden {
		name, value, found := strings.Cut(entry, "=")
		switch {
		case !found || slices.Contains(s.Platform, entry):
		case value != "":
			hidden[i] = name + "=" + Hidden
		case slices.Contains(s.Unknown, name):
			hidden[i] = name + "=" + Unknown
		}
	}
	return hidden
}

// changes compares two environments.
func changes(before, after inject.Env) []Change {
	var list []Change
	for _, entry := range after {
		name, value, _ := strings.Cut(entry, "=")
		if slices.Contains(before, entry) {
			continue
		}
		c := Change{Name: name, After: value}
		if old, ok := before.Lookup(name); ok {
			c.Before = &old
		}
		list = append(list, c)
	}
	return list
}

// Group makes one result of those that say the same of several runtimes, with the
// command line of the last.
func Group(results []Result) []Result {
	var groups []Result
	index := make(map[string]int)
	for _, r := range results {
		key := r.key()
		i, ok := index[key]
		if !ok {
			index[key] = len(groups)
			groups = append(groups, r)
			continue
		}
		r.Runtimes = append(groups[i].Runtimes, r.Runtimes...)
		groups[i] = r
	}
	return groups
}

// key is the same for results that say the same.
func (r Result) key() string {
	r.Runtimes, r.Version, r.Before, r.After, r.Assumed = nil, "", nil, nil, ""
	r.Edits = slices.Clone(r.Edits)
	for i := range r.Edits {
		// It names a place in the command line, which may differ.
		r.Edits[i].Text = ""
	}
	// Plain data of this package: it can always be encoded.
	key, _ := json.Marshal(r)
	return string(key)
}

// JSON writes results for programs to read.
func JSON(w io.Writer, results []Result) error {
	return show.JSON(w, struct {
		Functions []Result `json:"functions"`
	}{some(results)})
}

// some makes an empty list of a nil one: JSON has [] for it, and not null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
