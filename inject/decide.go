package inject

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A Decision is what to start in place of a process, and what there is to say
// about it.
type Decision struct {
	// Disabled is set if GRAFT_DISABLE switches everything off: then nothing
	// else was read, and nothing is to be said.
	Disabled  bool
	Settings  fragment.Settings
	Fragments []fragment.Fragment
	Plan      Plan
	// Before is the process that the plan was made for: the original one, the
	// variables that the files of GRAFT_ENV_FILE and the path in GRAFT_SSM_PATH
	// add, and values in the place of references.
	Before Process
	// Process is what to start.
	Process Process
	// Problems are what was left out; each is a reason to stop in strict mode.
	Problems []Problem
	// Warnings are what the owner should know besides.
	Warnings []string
	// Misnamed are the names in GRAFT_DISABLE that are no agent's.
	Misnamed []string
	// References are the variables whose values are fetched before the start.
	References []Use
	// Fatal is set if nothing may be started: a reference of the function's own
	// has no value, and GRAFT_SECRETS does not say that it may lack one.
	Fatal bool
	// Fetched are the variables whose values were fetched.
	Fetched []string
}

// A Problem is something that the owner should know: an agent that is left out,
// or a setting or file that cannot be used.
type Problem struct {
	// Language is set if an agent is left out, Agent if it is one by name.
	Language fragment.Language
	Agent    string
	Why      string
}

// String returns the problem as the wrapper prints it.
func (p Problem) String() string {
	if p.Language == "" {
		return p.Why
	}
	agent := p.Agent
	if agent != "" {
		agent += ": "
	}
	return fmt.Sprintf("%s: %sskipped: %s", p.Language, agent, p.Why)
}

// Decide reads settings and fragments, plans, and applies the plan. Whatever
// goes wrong in it, the original process is what is to be started.
func Decide(original Process, m Machine) (d Decision) {
	safe, resolved := original, false
	d.Before, d.Process = original, original
	disable, _ := original.Env.Lookup("GRAFT_DISABLE")
	if all, _ := fragment.Disabled(disable); all {
		d.Disabled = true
		return d
	}
	// What a panic must not make graft forget; the files below may add to it.
	d.Settings, _ = fragment.ParseSettings(original.Env.Lookup)
	defer func() {
		if r := recover(); r != nil {
			// Only the runtime's own words: another panic might hold a value, and is
			// told by its type.
			why := fmt.Sprintf("a panic of type %T", r)
			if err, ok := r.(runtime.Error); ok {
				why = err.Error()
			}
			required := !d.Settings.OptionalSecrets && len(d.ownersUses()) > 0
			d.Plan, d.Before = Plan{}, safe
			if !resolved && m.Resolve != nil {
				d.Fatal = d.Fatal || required
				d.dropReferences()
			}
			d.Process = d.Before
			d.problem(fmt.Sprintf("internal error, please report it: starting without any agent (%s)", why))
		}
	}()
	d.addEnvFiles(m)
	settings, errs := fragment.ParseSettings(d.Before.Env.Lookup)
	d.Settings = settings
	for _, err := range errs {
		d.problem(err.Error() + ": ignored")
	}
	rt := Detect(d.Before, settings, m)
	fragments, bad := fragment.ReadDir(m.Root, fragment.Dir)
	d.Fragments = fragments
	for _, b := range bad {
		if b.Agent == "" {
			d.problem(b.Err.Error())
			continue
		}
		d.skipped(rt, b.Agent, b.Err.Error())
	}
	d.Misnamed = fragment.Misnamed(settings.Disabled, fragments, bad)
	d.resolve(m, rt)
	safe, resolved = d.Owners(original), true
	d.Plan = New(d.Before, d.Fragments, settings, rt, m)
	for _, skip := range d.Plan.Skips {
		d.skipped(rt, skip.Agent, skip.Why)
	}
	d.Process = d.Plan.Apply(d.Before)
	return d
}

// Owners is what to start without any agent: original, with the values of its
// references if it has some.
func (d Decision) Owners(original Process) Process {
	if slices.ContainsFunc(d.References, func(u Use) bool { return u.Agent == "" }) {
		return d.Before
	}
	return original
}

func (d *Decision) problem(why string) {
	d.Problems = append(d.Problems, Problem{Why: why})
}

// skipped notes an agent that is left out, unless the owner has switched it off.
func (d *Decision) skipped(rt Runtime, agent, why string) {
	if !slices.Contains(d.Settings.Disabled, agent) {
		d.Problems = append(d.Problems, Problem{rt.Language, agent, why})
	}
}

// addEnvFiles adds what the files of GRAFT_ENV_FILE hold and the function's
// environment lacks.
func (d *Decision) addEnvFiles(m Machine) {
	files, _ := d.Before.Env.Lookup("GRAFT_ENV_FILE")
	vars, errs := fragment.ReadEnvFiles(m.Root, m.Dir, files)
	for _, err := range errs {
		d.problem(err.Error())
	}
	d.addVars(vars)
}

// addVars adds those of vars to the owner's that the function lacks.
func (d *Decision) addVars(vars []fragment.Var) {
	for _, v := range vars {
		if !d.has(v.Name) {
			d.Before.Env = d.Before.Env.With(v.Name, v.Value)
		}
	}
}

// has reports whether the function has a variable of its own.
func (d *Decision) has(name string) bool {
	value, set := d.Before.Env.Lookup(name)
	return set && !ManagedDefault(name, value)
}
