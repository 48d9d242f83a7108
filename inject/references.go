package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

// ssmPath is the setting that asks for all parameters below a path.
const ssmPath = "GRAFT_SSM_PATH"

// A Use is a variable whose value is fetched before the function starts.
type Use struct {
	// Agent is the fragment that has the variable; empty for the function.
	Agent string
	// Name is the variable: GRAFT_SSM_PATH for all below a path.
	Name string
	// Reference is the value as it was written.
	Reference string
}

// String says where the value comes from.
func (u Use) String() string {
	s := strings.TrimSuffix(u.Unresolved(""), ": ")
	if u.Agent != "" {
		s = u.Agent + ": " + s
	}
	return s
}

// Unresolved is the message that says why there is no value. What cannot be
// parsed as a reference may be anything, and is not in it.
func (u Use) Unresolved(why string) string {
	if _, err := reference.Parse(u.Reference); err != nil && u.Name != ssmPath {
		return u.Name + ": " + why
	}
	return u.Name + ": " + u.Reference + ": " + why
}

// Resolve returns what became of each use. It asks each question once, and
// nothing about what is no reference.
func Resolve(uses []Use, ask func(questions []string) []reference.Answer) []reference.Answer {
	answers := make([]reference.Answer, len(uses))
	var questions []string
	at := make(map[string]int)
	asked := make([]string, len(uses))
	for i, u := range uses {
		asked[i] = u.Reference
		if u.Name == ssmPath {
			asked[i] = reference.Below + u.Reference
		} else if _, err := reference.Parse(u.Reference); err != nil {
			answers[i].Problem = err.Error()
			continue
		}
		if _, known := at[asked[i]]; !known {
			at[asked[i]] = len(questions)
			questions = append(questions, asked[i])
		}
	}
	if len(questions) == 0 {
		return answers
	}
	got := ask(questions)
	for i := range uses {
		if answers[i].Problem == "" {
			answers[i] = got[at[asked[i]]]
		}
	}
	return answers
}

// resolve puts values in the place of references: in the function's variables
// and in the fragments that count for rt, and adds the variables that lie below
// GRAFT_SSM_PATH. Without m.Resolve all stays as it is.
func (d *Decision) resolve(m Machine, rt Runtime) {
	owners := d.ownersUses()
	d.References = append(owners, d.fragmentsUses(rt)...)
	if len(d.References) == 0 || m.Resolve == nil {
		return
	}
	required := !d.Settings.OptionalSecrets
	// What a panic in here must not start.
	d.Fatal = required && len(owners) > 0
	answers := Resolve(d.References, func(questions []string) []reference.Answer {
		return m.Resolve(d.Before.Env, questions, d.Settings.SecretsTimeout)
	})
	lost := false
	values := make(map[string]*string, len(owners))
	for i, u := range d.References {
		if answers[i].Problem == "" && u.Name != ssmPath {
			d.Fetched = append(d.Fetched, u.Name)
		}
	}
	for i, u := range owners {
		if why := answers[i].Problem; why != "" {
			lost = true
			d.problem(u.Unresolved(why))
			values[u.Name] = nil
		} else {
			values[u.Name] = &answers[i].Value
		}
	}
	delete(values, ssmPath)
	d.Before.Env = d.Before.Env.replaced(values)
	for i, u := range owners {
		if u.Name == ssmPath {
			d.addBelow(answers[i])
		}
	}
	d.resolveFragments(rt, answers[len(owners):])
	if rt.Form != Interpreter {
		d.markResolved(rt)
	}
	if kind, _ := d.Before.Env.Lookup("AWS_LAMBDA_INITIALIZATION_TYPE"); kind == "snap-start" {
		d.Warnings = append(d.Warnings, "SnapStart: the snapshot freezes the values of references: what changes is to be asked of graft-secrets serve")
	}
	d.Fatal = required && lost
}

// ownersUses are the references in the function's own variables. Graft's
// settings are none: some of them say how to resolve the others.
func (d *Decision) ownersUses() []Use {
	var uses []Use
	seen := d.resolvedBefore()
	for _, entry := range d.Before.Env {
		name, value, _ := strings.Cut(entry, "=")
		if reference.Is(value) && !strings.HasPrefix(name, "GRAFT_") && !seen[name] {
			seen[name] = true
			uses = append(uses, Use{Name: name, Reference: value})
		}
	}
	if d.Settings.SSMPath != "" && !seen[ssmPath] {
		uses = append(uses, Use{Name: ssmPath, Reference: d.Settings.SSMPath})
	}
	return uses
}

// fragmentsUses are the references that fragments bring and the function does
// not have as variables of its own. A fragment that has one where it cannot be
// used stands down.
func (d *Decision) fragmentsUses(rt Runtime) []Use {
	var uses []Use
	d.Fragments = slices.DeleteFunc(slices.Clone(d.Fragments), func(f fragment.Fragment) bool {
		if ok, _ := applies(f, rt); !ok || slices.Contains(d.Settings.Disabled, f.Name) {
			return false
		}
		var own []Use
		for _, v := range f.Vars {
			if !reference.Is(v.Value) {
				continue
			}
			if !IsPlain(v.Name) {
				// What a service says must not be what is loaded as code.
				d.skipped(rt, f.Name, v.Name+": is merged with what is there, and cannot be a reference")
				return true
			}
			// A reference of the function's that may lack its value leaves the
			// variable to the fragment.
			old, _ := d.Before.Env.Lookup(v.Name)
			if !d.has(v.Name) || d.Settings.OptionalSecrets && reference.Is(old) {
				own = append(own, Use{f.Name, v.Name, v.Value})
			}
		}
		uses = append(uses, own...)
		return false
	})
	return uses
}

// resolveFragments puts the answers to fragmentsUses in their places. A fragment
// that lacks one stands down.
func (d *Decision) resolveFragments(rt Runtime, answers []reference.Answer) {
	values, missing := make(map[Use]string), make(map[string]bool)
	for i, u := range d.References[len(d.References)-len(answers):] {
		if d.has(u.Name) {
			continue // from another reference
		}
		if why := answers[i].Problem; why != "" {
			missing[u.Agent] = true
			d.skipped(rt, u.Agent, u.Unresolved(why))
		}
		values[u] = answers[i].Value
	}
	d.Fragments = slices.DeleteFunc(d.Fragments, func(f fragment.Fragment) bool { return missing[f.Name] })
	for i, f := range d.Fragments {
		d.Fragments[i].Vars = slices.Clone(f.Vars)
		for j, v := range f.Vars {
			if value, ok := values[Use{f.Name, v.Name, v.Value}]; ok {
				d.Fragments[i].Vars[j].Value = value
			}
		}
	}
}

// loading are variables that are plain defaults in a fragment, and name what is
// loaded as code.
var loading = []string{"BASH_ENV", "PYTHONHOME", "PYTHONSTARTUP", "PERL5OPT", "PERL5LIB", "GEM_HOME", "DOTNET_ROOT", "GCONV_PATH"}

// addBelow adds the variables below GRAFT_SSM_PATH that the function lacks.
func (d *Decision) addBelow(answer reference.Answer) {
	for _, note := range answer.Notes {
		d.problem(ssmPath + ": " + note)
	}
	d.addVars(slices.DeleteFunc(slices.Clone(answer.Vars), func(v fragment.Var) bool {
		// A parameter must not load code, nor switch graft off.
		special := !IsPlain(v.Name) || strings.HasPrefix(v.Name, "GRAFT_") || strings.HasPrefix(v.Name, "LD_") || slices.Contains(loading, v.Name)
		if special {
			d.problem(fmt.Sprintf("%s: %s: is not taken from a parameter: left out", ssmPath, v.Name))
		} else if !d.has(v.Name) {
			d.Fetched = append(d.Fetched, v.Name)
		}
		return special
	}))
}

// dropReferences takes away the function's references that have no value.
func (d *Decision) dropReferences() {
	values := make(map[string]*string)
	for _, u := range d.ownersUses() {
		values[u.Name] = nil
	}
	d.Before.Env = d.Before.Env.replaced(values)
}

// replaced returns e with new values for some variables, in their places; nil
// takes one away.
func (e Env) replaced(values map[string]*string) Env {
	if len(values) == 0 {
		return e
	}
	kept := make(Env, 0, len(e))
	for _, entry := range e {
		name, old, _ := strings.Cut(entry, "=")
		value, found := values[name]
		switch {
		case !found || !reference.Is(old):
			kept = append(kept, entry)
		case value != nil:
			kept = append(kept, name+"="+*value)
		}
	}
	return kept
}
