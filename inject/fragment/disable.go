package fragment

import "strings"

// Disabled reads GRAFT_DISABLE: whether it switches everything off, else the
// agents that it names.
func Disabled(value string) (all bool, agents []string) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "0", "false":
		return false, nil
	case "1", "true", "*":
		return true, nil
	}
	for name := range strings.SplitSeq(value, ",") {
		switch name = strings.TrimSpace(name); name {
		case "":
		case "*":
			return true, nil
		default:
			agents = append(agents, name)
		}
	}
	return false, agents
}

// Misnamed returns those of the names in GRAFT_DISABLE that are no agent's: of
// none of the fragments and problems that [ReadDir] returns. Where no agent is,
// none can be meant.
func Misnamed(disabled []string, fragments []Fragment, problems []Problem) (wrong []string) {
	for _, name := range disabled {
		agents, known := len(fragments) > 0, false
		for i := range fragments {
			known = known || fragments[i].Name == name
		}
		for i := range problems {
			agents = agents || problems[i].Agent != ""
			known = known || problems[i].Agent == name
		}
		if agents && !known {
			wrong = append(wrong, name)
		}
	}
	return wrong
}
