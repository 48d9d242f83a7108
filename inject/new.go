package inject

import (
	"errors"
	"slices"

	"github.com/graft-lambda/graft/inject/fragment"
)

// New plans what the fragments change in p, whose runtime is rt. It looks at
// files through m and changes nothing.
//
// A fragment counts whole or not at all: all that it asks for is checked
// first, and a fragment that cannot be applied becomes a Skip.
func New(p Process, fragments []fragment.Fragment, s fragment.Settings, rt Runtime, m Machine) Plan {
	// What an agent loads may stand in a folder that another one brings, unless
	// that one is left out itself.
	brought := slices.DeleteFunc(slices.Clone(fragments), func(f fragment.Fragment) bool { return !bringsFolders(f) })
	for {
		plan, out := newPlan(p, fragments, brought, s, rt, m)
		before := len(brought)
		brought = slices.DeleteFunc(brought, func(f fragment.Fragment) bool { return out[f.File] })
		if len(brought) == before {
			return plan
		}
	}
}

// newPlan plans with the folders that the fragments in brought bring. It also
// returns which fragments are left out, by file.
func newPlan(p Process, fragments, brought []fragment.Fragment, s fragment.Settings, rt Runtime, m Machine) (Plan, map[string]bool) {
	plan, out := Plan{Runtime: rt}, make(map[string]bool)
	pl := &planner{
		Machine: m, process: p, rt: rt, lang: languageOf(rt.Language), settings: s, plan: &plan, brought: brought,
		lists: make(map[string][]listItem), profiler: make(map[string]string),
		handlerVars: make(map[string]bool), chained: make(map[string]bool), handlerAt: -1,
	}
	if rt.Form != Script {
		pl.findHandler(fragments)
	}
	pl.ownWrapper()
	for _, f := range fragments {
		out[f.File] = true
		if slices.Contains(s.Disabled, f.Name) {
			continue
		}
		ok, why := applies(f, rt)
		if why != "" {
			plan.skip(f.Name, errors.New(why))
		}
		if !ok {
			continue
		}
		c, err := pl.prepare(f)
		if err != nil {
			plan.skip(f.Name, err)
			continue
		}
		out[f.File] = false
		pl.commit(f, c)
	}
	pl.finish()
	return plan, out
}

// A planner gathers what the fragments bring and then turns it into edits.
type planner struct {
	Machine
	process  Process
	rt       Runtime
	lang     *language
	settings fragment.Settings
	plan     *Plan
	brought  []fragment.Fragment

	options  []placed
	args     []Edit
	lists    map[string][]listItem
	listed   []string
	profiler map[string]string
	keys     []keyValue
	plain    []plainVar
	wrappers []Wrapper
	// next is the function's own wrapper, if it has one.
	next []Wrapper
	// placed are the options that are really added.
	placed []placed

	handlerAt   int
	handler     []string
	handlerVars map[string]bool
	chained     map[string]bool
}

// placed is an option of a fragment and where it goes.
type placed struct {
	option
	agent string
	env   bool
}

type listItem struct {
	agent, text, why string
}

type plainVar struct {
	agent string
	fragment.Var
}

// first is the index of the first argument behind the program.
func (p *planner) first() int { return p.rt.Program + 1 }

func (p *planner) edit(e Edit) { p.plan.Edits = append(p.plan.Edits, e) }

func (p *planner) insert(agent string, at int, text, why string) {
	p.edit(Edit{Kind: InsertArgument, Agent: agent, At: at, Added: text, Why: why})
}

func (p *planner) replace(at int, name, text, why string) {
	p.edit(Edit{Kind: ReplaceArgument, Name: name, At: at, Added: text, Why: why})
}

func (p *planner) remove(at int, name, why string) {
	p.edit(Edit{Kind: RemoveArgument, Name: name, At: at, Why: why})
}

// append puts items behind a path list.
func (p *planner) append(name string, items []listItem) {
	for _, item := range items {
		p.edit(Edit{Kind: AppendVariable, Agent: item.agent, Name: name, Added: item.text, Why: item.why, sep: ':'})
	}
}

// finish turns what was gathered into edits.
func (p *planner) finish() {
	p.mergeOptions()
	if p.lang.plan != nil {
		p.lang.plan(p)
	}
	p.mergeLists()
	p.mergeKeys()
	p.mergePlain()
	p.plan.Wrappers = append(p.wrappers, p.next...)
}
