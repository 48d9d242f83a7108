package inject

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A Plan is what to change in a process and what was left alone. It is a plain
// value: making it changes nothing.
type Plan struct {
	Runtime Runtime
	// Agents names the fragments that count for this process, in order.
	Agents []string
	Edits  []Edit
	Skips  []Skip
	// Notes are outcomes that the owner of the function chose: a value of a
	// fragment that gave way to the function's own.
	Notes []Note
	// Wrappers are other vendors' wrappers to run before the runtime, in order.
	Wrappers []Wrapper
}

// A Kind is what an Edit does.
type Kind int

// The kinds of edits.
const (
	// SetVariable gives the variable Name the value Added.
	SetVariable Kind = iota
	// PrependVariable puts Added before the value of the variable Name.
	PrependVariable
	// AppendVariable puts Added behind the value of the variable Name.
	AppendVariable
	// InsertArgument puts Added before the argument At.
	InsertArgument
	// ReplaceArgument makes Added of the argument At.
	ReplaceArgument
	// RemoveArgument takes the argument At away.
	RemoveArgument
	// KeepHandler gives the variable Name the handler as it is now.
	KeepHandler
	// SetHandler makes Added the handler: in the argument At if that is not
	// negative, and in _HANDLER if it is set or At is negative.
	SetHandler
)

var kindNames = [...]string{"set", "prepend", "append", "insert", "replace", "remove", "keep handler", "set handler"}

// String returns the kind as the debug log names it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "kind " + strconv.Itoa(int(k))
	}
	return kindNames[k]
}

// An Edit is one change. It holds only what graft adds, never what it found.
type Edit struct {
	Kind Kind
	// Agent is the fragment's name; empty for graft's own.
	Agent string
	// Name is the variable or, for an argument that goes, the option's name.
	Name string
	// At is an index into the original argument vector.
	At int
	// Added is the part that graft adds.
	Added string
	// Why says what an agent alone does not explain; often empty.
	Why string

	// sep stands between Added and what was there, unless that is empty.
	sep byte
}

// A Skip is an agent that was left out, and why. It is data, not an error.
type Skip struct {
	Agent, Why string
	Reason     Reason
	// File is the absolute path of the file that it is about; empty if it is about
	// something else.
	File string
}

// A Note is something that happened to an agent and is no reason to skip it.
type Note struct {
	Agent, Text string
}

// A Wrapper is another vendor's wrapper.
type Wrapper struct {
	// Agent is the fragment's name; empty for the function's own GRAFT_NEXT.
	Agent, Path string
}

// Apply returns p with the edits made. The plan must have been made for p.
func (plan Plan) Apply(p Process) Process {
	if len(plan.Edits) == 0 {
		return p
	}
	type slot struct {
		before []string
		arg    string
		gone   bool
	}
	slots := make([]slot, len(p.Argv)+1)
	for i, arg := range p.Argv {
		slots[i].arg = arg
	}
	slots[len(p.Argv)].gone = true
	env := make(Env, len(p.Env), len(p.Env)+len(plan.Edits))
	copy(env, p.Env)
	set := func(name, value string) {
		if i := env.index(name); i >= 0 {
			env[i] = name + "=" + value
		} else {
			env = append(env, name+"="+value)
		}
	}
	// prefix is how much of a variable's value graft has put in front: what
	// comes next in front stands behind it.
	prefix := make(map[string]int)
	for _, e := range plan.Edits {
		switch e.Kind {
		case SetVariable:
			set(e.Name, e.Added)
		case PrependVariable:
			old, _ := env.Lookup(e.Name)
			n := prefix[e.Name]
			front := e.Added
			if n > 0 {
				front = old[:n] + string(e.sep) + e.Added
				old = strings.TrimPrefix(old[n:], string(e.sep))
			}
			prefix[e.Name] = len(front)
			if old != "" {
				old = string(e.sep) + old
			}
			set(e.Name, front+old)
		case AppendVariable:
			old, _ := env.Lookup(e.Name)
			set(e.Name, joinBehind(old, e.sep, e.Added))
		case InsertArgument:
			slots[e.At].before = append(slots[e.At].before, e.Added)
		case ReplaceArgument:
			slots[e.At].arg = e.Added
		case RemoveArgument:
			slots[e.At].gone = true
		case KeepHandler:
			old, _ := env.Lookup(handlerVar)
			if e.At >= 0 {
				old = slots[e.At].arg
			}
			set(e.Name, old)
		case SetHandler:
			if e.At >= 0 {
				slots[e.At].arg = e.Added
			}
			if _, ok := env.Lookup(handlerVar); ok || e.At < 0 {
				set(handlerVar, e.Added)
			}
		}
	}
	argv := make([]string, 0, len(p.Argv)+len(plan.Edits))
	for _, s := range slots {
		argv = append(argv, s.before...)
		if !s.gone {
			argv = append(argv, s.arg)
		}
	}
	return Process{Argv: argv, Env: env}
}

// joinBehind puts sep between old and added unless old is empty or, for a list
// of keys, ends with the separator already: "a=1," needs no second comma. In a
// path list that last separator is the owner's own empty element and stays.
func joinBehind(old string, sep byte, added string) string {
	if old == "" || sep == ',' && strings.HasSuffix(strings.TrimRight(","+old, " \t"), ",") {
		return old + added
	}
	return old + string(sep) + added
}

// skip leaves an agent out.
func (plan *Plan) skip(agent string, why error) {
	s := Skip{Agent: agent, Why: why.Error()}
	for ; why != nil; why = errors.Unwrap(why) {
		if f, ok := why.(*fault); ok {
			s.Reason = f.reason
			if path.IsAbs(f.subject) {
				s.File = f.subject
			}
		}
	}
	plan.Skips = append(plan.Skips, s)
}

// note records what is worth a line at GRAFT_LOG=info.
func (plan *Plan) note(agent, text string) {
	n := Note{agent, text}
	if !slices.Contains(plan.Notes, n) {
		plan.Notes = append(plan.Notes, n)
	}
}

// handlerVar is the variable in which Lambda names the handler.
const handlerVar = "_HANDLER"

// applies reports whether the fragment counts for the runtime; why is set if
// it does not and the owner should know.
func applies(f fragment.Fragment, rt Runtime) (ok bool, why string) {
	if len(f.Runtimes) == 0 {
		return true, ""
	}
	for _, b := range f.Runtimes {
		if b.Language != rt.Language {
			continue
		}
		if b.Holds(rt.Version) {
			return true, ""
		}
		if !rt.Version.Known() {
			why = "needs " + b.String() + " and the version is not known: set GRAFT_RUNTIME"
		}
	}
	return false, why
}
