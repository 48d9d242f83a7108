package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// misnamed checks that GRAFT_DISABLE misspells no agent of the layers, if all are
// here.
func (s *stack) misnamed(list []fragment.Fragment, problems []fragment.Problem) {
	value, _ := fragment.Lookup(s.vars, "GRAFT_DISABLE")
	_, names := fragment.Disabled(value)
	var agents []string
	for _, f := range list {
		agents = append(agents, f.Name)
	}
	for _, p := range problems {
		agents = append(agents, p.Agent)
	}
	// A setting for many functions names agents that not all of them have: only
	// what looks misspelt is told.
	wrong := slices.DeleteFunc(fragment.Misnamed(names, list, problems), func(name string) bool {
		return Nearest(strings.ToLower(name), agents) == ""
	})
	if len(wrong) == 0 || s.partial {
		return
	}
	s.whole("agent-unknown", "%s", Misnamed(wrong, agents))
}

// mostAgents is how many agents are listed.
const mostAgents = 20

// Misnamed says that names in GRAFT_DISABLE are no agent's, which agents may be
// meant, and which there are. The names themselves are not in it: they may be a
// mistaken secret.
func Misnamed(wrong, agents []string) string {
	agents = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(agents))), func(name string) bool { return name == "" })
	text, meant := "a name in it is no agent's here, and switches nothing off", []string{}
	if len(wrong) > 1 {
		text = fmt.Sprintf("%d names in it are no agent's here, and switch nothing off", len(wrong))
	}
	for _, name := range wrong {
		if best := Nearest(strings.ToLower(name), agents); best != "" && !slices.Contains(meant, best) {
			meant = append(meant, best)
		}
	}
	if len(meant) > 0 {
		text += "; is " + strings.Join(meant, ", ") + " meant?"
	}
	if more := len(agents) - mostAgents; more > 0 {
		agents = append(agents[:mostAgents], fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("GRAFT_DISABLE: %s (agents: %s)", text, strings.Join(agents, ", "))
}
