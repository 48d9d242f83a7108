package explain

import (
	"fmt"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// sentence says in plain words what an edit does to a process, and why it is
// done in this way. front is what the plan has put in front of the variable
// before. unknown is set if p may have variables that are not known.
func sentence(e inject.Edit, p inject.Process, front string, lang fragment.Language, unknown bool) (text, reason string) {
	old, set := p.Env.Lookup(e.Name)
	set = set && old != ""
	switch e.Kind {
	case inject.SetVariable:
		text = "sets " + e.Name + " to " + e.Added
		reason = "a default: the function does not set it"
		if unknown {
			reason = "a default, if the function does not set it"
		}
	case inject.PrependVariable:
		text = "puts " + e.Added + " at the front of " + e.Name
		if front != "" {
			text += ", behind " + front
		}
		reason = "agents load first; what the function has there stays behind it"
	case inject.AppendVariable:
		text = "puts " + e.Added + " at the end of " + e.Name
		reason = "what the function has there stays in front of it"
	case inject.InsertArgument:
		text = "adds the argument " + e.Added + before(p.Argv, e.At)
		reason = inserted(lang)
	case inject.ReplaceArgument:
		text = "makes " + e.Added + " of the argument " + p.Argv[e.At]
		reason = "beside an agent the runtime would not start with it"
	case inject.RemoveArgument:
		text = "takes the argument " + p.Argv[e.At] + " away"
		reason = "a fragment's choice stands in its place"
	case inject.KeepHandler:
		text = "keeps the handler that it replaces in " + e.Name
		reason = "the agent's own handler finds it there, and calls it"
	case inject.SetHandler:
		text = "makes " + e.Added + " the handler"
		reason = "it runs first and calls the one that it replaces"
	default:
		text = fmt.Sprintf("%v %s %s", e.Kind, e.Name, e.Added)
	}
	if !set && !unknown && (e.Kind == inject.PrependVariable || e.Kind == inject.AppendVariable) {
		reason = "the function has nothing there"
	}
	if e.Why != "" {
		reason = e.Why
	}
	return text, reason
}

// inserted says why an option goes into the command line.
func inserted(lang fragment.Language) string {
	switch lang {
	case fragment.Java:
		return "in the command line nothing is printed, and other JVMs that the function starts do not inherit it"
	case fragment.NodeJS:
		return "Node.js does not take it from NODE_OPTIONS, or the runtime's own would win over it there"
	}
	return "its fragment asks for it with GRAFT_ARGS"
}

// before says where an argument goes.
func before(argv []string, at int) string {
	if at >= len(argv) {
		return " at the end"
	}
	return " before " + argv[at]
}
