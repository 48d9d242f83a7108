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
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
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
