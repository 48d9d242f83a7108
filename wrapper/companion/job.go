package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/extension"
	"github.com/graft-lambda/graft/internal/guard"
	"github.com/graft-lambda/graft/internal/resolve"
	"github.com/graft-lambda/graft/internal/supervise"
)

// A machine is what the companion reads of the world, and what it does to it.
type machine struct {
	name string // the base name of its own file
	api  *extension.Client
	env  inject.Env
	dir  string // what GRAFT_ENV_FILE is relative to
	root fs.FS

	// forked says that it is an internal extension, which the wrapper has
	// started and SIGTERM ends.
	forked bool
	// wrapper waits for registeredWord; nil if there is none.
	wrapper io.WriteCloser

	// resolve asks graft-secrets for the values of references.
	resolve func(env, questions []string, limit time.Duration) []reference.Answer

	// telemetry is nil if there is none.
	telemetry telemetry

	stdout, stderr io.Writer
	now            func() time.Time
	sleep          func(context.Context, time.Duration)
	// settle is called, perhaps more than once, before anything is said or waited
	// for at length; nil: there is nothing to settle.
	settle func()
}

// A job is what there is to do.
type job struct {
	programs []supervise.Program
	wish     wish
	events   []extension.EventType
	log      fragment.Level
	// problems are lines on what was left out.
	problems []string
}

// decide reads settings and fragments. Whatever goes wrong in it, there is a
// job.
func decide(m machine) (j job) {
	j.log = fragment.Warn
	defer func() {
		if r := recover(); r != nil {
			j = job{log: j.log, problems: []string{"internal error, please report it: doing nothing (" + guard.Words(r) + ")"}}
		}
	}()
	disable, _ := m.env.Lookup("GRAFT_DISABLE")
	all, disabled := fragment.Disabled(disable)
	if all {
		return j
	}
	files, _ := m.env.Lookup("GRAFT_ENV_FILE")
	vars, errs := fragment.ReadEnvFiles(m.root, m.dir, files)
	env := m.env
	for _, v := range vars {
		if _, set := env.Lookup(v.Name); !set {
			env = env.With(v.Name, v.Value)
		}
	}
	// What is wrong with the wrapper's settings the wrapper says.
	settings, _ := fragment.ParseSettings(env.Lookup)
	j.log = settings.Log
	for _, err := range errs {
		j.problems = append(j.problems, err.Error())
	}
	fragments, bad := fragment.ReadDir(m.root, fragment.Dir)
	for _, b := range bad {
		// An entry that is no fragment at all could not hold a program.
		if b.Agent != "" && !slices.Contains(disabled, b.Agent) {
			j.problems = append(j.problems, fmt.Sprintf("%s: skipped: %v", b.Agent, b.Err))
		}
	}
	programs := slices.DeleteFunc(fragments, func(f fragment.Fragment) bool {
		return len(f.Run) == 0 || slices.Contains(disabled, f.Name)
	})
	wish, unclear := newWish(env)
	for _, err := range unclear {
		j.problems = append(j.problems, err.Error())
	}
	got := fetch(env, programs, wish, func(questions []string) []reference.Answer {
		return m.resolve(env, questions, settings.SecretsTimeout)
	})
	for _, f := range programs {
		why := got.missing(f, settings)
		if _, err := fs.Stat(m.root, fragment.Rel(resolve.Program)); f.Run[0] == resolve.Program && err != nil {
			why = resolve.ErrNotThere.Error()
		}
		if why != "" {
			j.problems = append(j.problems, fmt.Sprintf("%s: not started: %s", f.Name, why))
			continue
		}
		j.programs = append(j.programs, supervise.Program{
			Name: f.Name, Argv: f.Run, Env: programEnv(env, f, got), Ready: f.RunReady, Timeout: f.RunReadyTimeout,
		})
	}
	var missing []string
	j.wish, missing = wish.resolved(got)
	j.problems = append(j.problems, missing...)
	if over := len(j.problems) - maxProblems; over > 0 {
		j.problems = append(j.problems[:maxProblems:maxProblems], fmt.Sprintf("and %d more problems", over))
	}
	j.events = j.wanted(m.forked)
	return j
}

// maxProblems bounds what files full of rubbish can make the companion print.
const maxProblems = 100

// wanted are the events to register for, the one that Lambda may refuse first.
func (j job) wanted(forked bool) (events []extension.EventType) {
	if j.watches() && j.wish.mode == export.End {
		events = append(events, extension.Invoke)
	}
	// There is no SHUTDOWN for an internal extension.
	if !forked && (len(j.programs) > 0 || j.watches()) {
		events = append(events, extension.Shutdown)
	}
	return events
}

// watches reports whether there is to be telemetry.
func (j job) watches() bool { return len(j.wish.types) > 0 }

// managedInstances is where many invocations run at once and none is told to
// extensions.
const managedInstances = "lambda-managed-instances"

// notInherited are variables that would load agents into a program that is
// not the function. Those that begin with CORECLR_ are too.
var notInherited = []string{"NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "PYTHONPATH",
	"RUBYOPT", "RUBYLIB", "DOTNET_STARTUP_HOOKS", "LD_PRELOAD", "AWS_LAMBDA_EXEC_WRAPPER"}

func inherited(name string) bool {
	return !slices.Contains(notInherited, name) && !strings.HasPrefix(name, "CORECLR_")
}

// programEnv returns the environment of a fragment's program: the function's
// and, where that lacks them, the fragment's plain variables. Of the function's
// references it gets those that the fragment names.
func programEnv(function inject.Env, f fragment.Fragment, got fetched) inject.Env {
	env := make(inject.Env, 0, len(function)+len(f.Vars))
	for _, entry := range function {
		name, value, found := strings.Cut(entry, "=")
		if !inherited(name) {
			continue
		}
		if !found {
			env = append(env, entry)
		} else if value, ok := got.value(f.Name, name, value); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, v := range f.Vars {
		if _, set := function.Lookup(v.Name); set || !inject.IsPlain(v.Name) || !inherited(v.Name) {
			continue
		}
		if value, ok := got.value(f.Name, v.Name, v.Value); ok {
			env = append(env, v.Name+"="+value)
		}
	}
	return env
}
