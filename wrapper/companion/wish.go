package main

import (
	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/export"
)

// A wish is what the function's settings ask of telemetry.
type wish struct {
	// types are what GRAFT_TELEMETRY names, as Lambda knows them; none: there
	// is to be no telemetry.
	types []string
	// to are the exporters that GRAFT_TELEMETRY_TO names.
	to   []string
	mode export.Mode
	// env is the function's environment, with its files.
	env inject.Env
}

// newWish reads the settings. What cannot be had is left out, and one of the
// problems names the setting, without its value.
func newWish(env inject.Env) (wish, []error) {
	t, problems := fragment.ParseTelemetry(env.Lookup)
	if len(t.Events) == 0 {
		return wish{}, problems
	}
	w := wish{types: t.Events, to: t.To, env: env}
	if t.HoldEnd {
		w.mode = export.End
	}
	if kind, _ := env.Lookup("AWS_LAMBDA_INITIALIZATION_TYPE"); kind == managedInstances {
		w.mode = export.Timed
	}
	return w, problems
}
