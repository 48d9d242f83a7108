package check

import (
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/resolve"
)

// references checks the references in fragments, and that there is somebody to
// resolve them and the function's.
func (s *stack) references(r *root, list []fragment.Fragment) {
	missing := s.secretless(r)
	for _, f := range list {
		for _, v := range f.Vars {
			if !reference.Is(v.Value) {
				continue
			}
			line := s.lineOf(r, f.File, v.Name)
			switch why := unfit(v); {
			case why != "":
				s.add(r, "bad-reference", f.File, line, "%s", why)
			case missing:
				s.add(r, "secrets-missing", f.File, line, "%s is a reference, but no layer has %s%s: the fragment stands down", v.Name, resolve.Program, s.unbuilt())
			}
		}
	}
	then := ": the function does not start"
	mode, _ := fragment.Lookup(s.vars, "GRAFT_SECRETS")
	switch {
	case s.unwrapped():
		then = "" // it starts, with the references themselves
	case mode == "optional":
		then = ": the function starts without"
	}
	var asking []string
	for _, v := range s.vars {
		if asks(v) && badReference(v) == "" {
			asking = append(asking, v.Name)
		}
	}
	if missing && len(asking) > 0 {
		verb := "asks"
		if len(asking) > 1 {
			verb = "ask"
		}
		s.whole("secrets-missing", "%s %s for values, but no layer has %s%s%s", strings.Join(asking, ", "), verb, resolve.Program, s.unbuilt(), then)
	}
}

// secretless reports whether no layer has, or is to have, the program that
// resolves references. graft build adds it only if it is told to: a source
// folder beside a layer that brings graft's programs without it is not counted
// on for it.
func (s *stack) secretless(r *root) bool {
	return !s.open && !r.has(resolve.Program) && (len(s.sources) == 0 || r.has("/opt/graft"))
}

// unbuilt names the layers whose programs are not there yet.
func (s *stack) unbuilt() string {
	var names []string
	for _, l := range s.sources {
		names = append(names, l.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ": not built yet)"
}

// NeedsSecrets reports whether a fragment needs graft-secrets: it has a reference,
// or runs it.
func NeedsSecrets(f fragment.Fragment) bool {
	return runsSecrets(f) || slices.ContainsFunc(f.Vars, func(v fragment.Var) bool { return reference.Is(v.Value) && unfit(v) == "" })
}

func runsSecrets(f fragment.Fragment) bool { return len(f.Run) > 0 && f.Run[0] == resolve.Program }

// unfit says why a fragment's variable that is a reference is never fetched;
// empty if it is.
func unfit(v fragment.Var) string {
	why := badReference(v)
	if why == "" && !inject.IsPlain(v.Name) {
		why = v.Name + ": is merged with what is there, and cannot be a reference: the fragment stands down"
	}
	return why
}

// asks reports whether graft fetches something for a function's variable.
func asks(v fragment.Var) bool {
	return isFunctionReference(v) || v.Name == "GRAFT_SSM_PATH" && v.Value != ""
}

// isFunctionReference reports whether graft resolves a function's variable.
func isFunctionReference(v fragment.Var) bool {
	return reference.Is(v.Value) && !strings.HasPrefix(v.Name, "GRAFT_")
}

// badReference says what is wrong with a variable that is a reference, without
// its value; empty if nothing is.
func badReference(v fragment.Var) string {
	if !reference.Is(v.Value) {
		return ""
	}
	if _, err := reference.Parse(v.Value); err != nil {
		return v.Name + ": " + err.Error()
	}
	return ""
}
