package main

import (
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

// fetched is what became of the references that programs and exporters need.
type fetched map[inject.Use]reference.Answer

// fetch resolves the references of the programs and of the OTLP exporter. A
// program gets no more than what its own fragment names: those of the function
// are the function's.
func fetch(env inject.Env, programs []fragment.Fragment, w wish, ask func([]string) []reference.Answer) fetched {
	var uses []inject.Use
	for _, f := range programs {
		for _, v := range f.Vars {
			if !inject.IsPlain(v.Name) || !inherited(v.Name) {
				continue
			}
			value, set := env.Lookup(v.Name)
			if !set {
				value = v.Value
			}
			if reference.Is(value) {
				uses = append(uses, inject.Use{Agent: f.Name, Name: v.Name, Reference: value})
			}
		}
	}
	for _, entry := range env {
		if name, value, _ := strings.Cut(entry, "="); w.reads(name) && reference.Is(value) {
			uses = append(uses, inject.Use{Name: name, Reference: value})
		}
	}
	answers := inject.Resolve(uses, ask)
	got := make(fetched, len(uses))
	for i, u := range uses {
		got[u] = answers[i]
	}
	return got
}

// missing says why a program cannot have one of its fragment's variables; empty
// if it can have all. A variable of the function's own may be left out, if
// GRAFT_SECRETS says so.
func (got fetched) missing(f fragment.Fragment, s fragment.Settings) string {
	for _, v := range f.Vars {
		for u, a := range got {
			own := u.Reference == v.Value
			if u.Agent == f.Name && u.Name == v.Name && a.Problem != "" && (own || !s.OptionalSecrets) {
				return u.Unresolved(a.Problem)
			}
		}
	}
	return ""
}

// value returns a variable's value, for the fragment agent; false: there is
// none that it may have.
func (got fetched) value(agent, name, value string) (string, bool) {
	if !reference.Is(value) || strings.HasPrefix(name, "GRAFT_") {
		return value, true
	}
	a, asked := got[inject.Use{Agent: agent, Name: name, Reference: value}]
	return a.Value, asked && a.Problem == ""
}

// reads reports whether an exporter reads the variable.
func (w wish) reads(name string) bool {
	return slices.Contains(w.to, fragment.ToOTLP) && strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_")
}

// resolved returns the wish with values in the place of references. What has
// none is left out, and said.
func (w wish) resolved(got fetched) (wish, []string) {
	var problems []string
	for u, a := range got {
		switch {
		case u.Agent != "":
		case a.Problem != "":
			problems = append(problems, u.Unresolved(a.Problem)+": left out")
			w.env = w.env.Without(u.Name)
		default:
			w.env = w.env.With(u.Name, a.Value)
		}
	}
	slices.Sort(problems)
	return w, problems
}
