package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/internal/export"
)

// A wish is what the function's settings ask of telemetry.
type wish struct {
	// types are what GRAFT_TELEMETRY names, as Lambda knows them; none: there is
	// to be no telemetry.
	types []string
	// to are the exporters that GRAFT_TELEMETRY_TO names.
	to   []string
	mode export.Mode
	// env is the function's environment, with its files.
	env inject.Env
}

// What can be wished for.
const (
	platform = "platform"
	toStdout = "stdout"
	toEMF    = "emf"
	toOTLP   = "otlp"
)

// newWish reads the settings. What cannot be had is left out, and one of the
// problems names the setting, without its value.
func newWish(env inject.Env) (w wish, problems []string) {
	types, bad := choose(env, "GRAFT_TELEMETRY", platform, "function", "extension")
	problems = append(problems, bad...)
	if len(types) == 0 {
		return w, problems
	}
	to, bad := choose(env, "GRAFT_TELEMETRY_TO", toStdout, toEMF, toOTLP)
	problems = append(problems, bad...)
	if value, _ := env.Lookup("GRAFT_TELEMETRY_TO"); value == "" {
		to = []string{toStdout}
	}
	switch {
	case len(to) == 0:
		return w, append(problems, "GRAFT_TELEMETRY_TO: names nothing to send to: no telemetry")
	case !slices.Contains(types, platform) && !slices.Contains(to, toOTLP):
		return w, append(problems, "GRAFT_TELEMETRY: stdout and emf take platform events only: no telemetry")
	}
	w = wish{types: types, to: to, env: env}
	switch flush, _ := env.Lookup("GRAFT_TELEMETRY_FLUSH"); flush {
	case "", "async":
	case "end":
		w.mode = export.End
	default:
		problems = append(problems, "GRAFT_TELEMETRY_FLUSH: is neither async nor end: ignored")
	}
	if kind, _ := env.Lookup("AWS_LAMBDA_INITIALIZATION_TYPE"); kind == managedInstances {
		w.mode = export.Timed
	}
	return w, problems
}

// choose reads a list of names, separated by commas, and returns those that
// there are, in their own order.
func choose(env inject.Env, setting string, names ...string) (chosen, problems []string) {
	value, _ := env.Lookup(setting)
	found := map[string]bool{}
	i := 0
	for name := range strings.SplitSeq(value, ",") {
		i++
		switch name = strings.TrimSpace(name); {
		case name == "":
		case slices.Contains(names, name):
			found[name] = true
		default:
			problems = append(problems, fmt.Sprintf("%s: name %d is none of %s: left out", setting, i, strings.Join(names, ", ")))
		}
	}
	for _, name := range names {
		if found[name] {
			chosen = append(chosen, name)
		}
	}
	return chosen, problems
}
