package main

import (
	"fmt"
	"runtime"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// A decision is what the wrapper will start, and what it has to say about it.
type decision struct {
	settings fragment.Settings
	plan     inject.Plan
	process  inject.Process
	// problems are lines on what was left out, each a reason to stop in
	// strict mode.
	problems []string
}

// decide plans. Whatever goes wrong in it, the original process is what is
// started.
func (s system) decide(original inject.Process) (d decision) {
	d.process = original
	// What a panic must not make graft forget; the files below may add to it.
	d.settings, _ = fragment.ParseSettings(original.Env.Lookup)
	defer func() {
		if r := recover(); r != nil {
			// Only the runtime's own words: another panic might hold a value.
			err, ok := r.(runtime.Error)
			if !ok {
				err = nil
			}
			d.plan, d.process = inject.Plan{}, original
			d.problems = append(d.problems, fmt.Sprintf("internal error, please report it: starting without any agent (%v)", err))
		}
	}()
	p := s.withEnvFiles(original, &d)
	settings, errs := fragment.ParseSettings(p.Env.Lookup)
	d.settings = settings
	for _, err := range errs {
		d.problems = append(d.problems, err.Error()+": ignored")
	}
	m := inject.Machine{Root: s.root, Dir: s.dir, Arch: s.arch, Self: s.self}
	rt := inject.Detect(p, settings, m)
	fragments, bad := fragment.ReadDir(s.root, fragment.Dir)
	for _, b := range bad {
		if b.Agent == "" {
			d.problems = append(d.problems, b.Err.Error())
			continue
		}
		d.skipped(rt, b.Agent, b.Err.Error())
	}
	d.plan = inject.New(p, fragments, settings, rt, m)
	for _, skip := range d.plan.Skips {
		d.skipped(rt, skip.Agent, skip.Why)
	}
	d.process = d.plan.Apply(p)
	return d
}

// adds reports whether more than the original process is to be started.
func (d decision) adds(original inject.Process) bool {
	return len(d.plan.Edits) > 0 || len(d.plan.Wrappers) > 0 || len(d.process.Env) > len(original.Env)
}

// skipped notes an agent that is left out.
func (d *decision) skipped(rt inject.Runtime, agent, why string) {
	for _, name := range d.settings.Disabled {
		if name == agent {
			return
		}
	}
	if agent != "" {
		agent += ": "
	}
	d.problems = append(d.problems, fmt.Sprintf("%s: %sskipped: %s", rt.Language, agent, why))
}

// withEnvFiles adds what the files of GRAFT_ENV_FILE hold and the function's
// environment lacks.
func (s system) withEnvFiles(p inject.Process, d *decision) inject.Process {
	files, _ := p.Env.Lookup("GRAFT_ENV_FILE")
	vars, errs := fragment.ReadEnvFiles(s.root, s.dir, files)
	for _, err := range errs {
		d.problems = append(d.problems, err.Error())
	}
	for _, v := range vars {
		if old, set := p.Env.Lookup(v.Name); !set || inject.ManagedDefault(v.Name, old) {
			p.Env = p.Env.With(v.Name, v.Value)
		}
	}
	return p
}
