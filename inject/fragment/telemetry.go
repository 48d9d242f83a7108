package fragment

import (
	"fmt"
	"slices"
	"strings"
)

// The kinds of events that GRAFT_TELEMETRY names, as Lambda knows them.
const (
	PlatformEvents  = "platform"
	FunctionEvents  = "function"
	ExtensionEvents = "extension"
)

// Where GRAFT_TELEMETRY_TO sends events.
const (
	ToStdout = "stdout"
	ToEMF    = "emf"
	ToOTLP   = "otlp"
)

// Telemetry is what the owner of a function asks of the companion with the
// GRAFT_TELEMETRY variables. The zero value asks for nothing.
type Telemetry struct {
	// Events are the kinds that GRAFT_TELEMETRY names, in the order of the
	// constants; none: there is to be no telemetry.
	Events []string
	// To is where GRAFT_TELEMETRY_TO sends them, in the order of the constants.
	To []string
	// HoldEnd is set by GRAFT_TELEMETRY_FLUSH=end: an invocation waits until
	// its events are sent.
	HoldEnd bool
}

// ParseTelemetry reads the GRAFT_TELEMETRY variables from an environment. What
// cannot be had is left out, and one of the problems names the setting, without
// its value. Without GRAFT_TELEMETRY the others are not looked at.
func ParseTelemetry(lookup func(name string) (value string, ok bool)) (Telemetry, []error) {
	var problems []error
	problem := func(setting, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", setting, fmt.Sprintf(format, args...)))
	}
	// choose reads names, separated by commas, and returns those that there
	// are, in their own order.
	choose := func(setting string, names ...string) []string {
		value, _ := lookup(setting)
		found := map[string]bool{}
		i := 0
		for name := range strings.SplitSeq(value, ",") {
			i++
			switch name = strings.TrimSpace(name); {
			case name == "":
			case slices.Contains(names, name):
				found[name] = true
			default:
				problem(setting, "name %d is none of %s: left out", i, strings.Join(names, ", "))
			}
		}
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !found[name] })
	}

	t := Telemetry{Events: choose("GRAFT_TELEMETRY", PlatformEvents, FunctionEvents, ExtensionEvents)}
	if len(t.Events) == 0 {
		return Telemetry{}, problems
	}
	t.To = choose("GRAFT_TELEMETRY_TO", ToStdout, ToEMF, ToOTLP)
	if value, _ := lookup("GRAFT_TELEMETRY_TO"); value == "" {
		t.To = []string{ToStdout}
	}
	switch {
	case len(t.To) == 0:
		problem("GRAFT_TELEMETRY_TO", "names nothing to send to: no telemetry")
		return Telemetry{}, problems
	case !slices.Contains(t.Events, PlatformEvents) && !slices.Contains(t.To, ToOTLP):
		problem("GRAFT_TELEMETRY", "stdout and emf take platform events only: no telemetry")
		return Telemetry{}, problems
	}
	switch flush, _ := lookup("GRAFT_TELEMETRY_FLUSH"); flush {
	case "", "async":
	case "end":
		t.HoldEnd = true
	default:
		problem("GRAFT_TELEMETRY_FLUSH", "is neither async nor end: ignored")
	}
	return t, problems
}
