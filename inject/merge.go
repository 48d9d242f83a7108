package inject

import (
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// mergeOptions places the fragments' options beside the owner's and the
// runtime's own: the owner wins over a fragment, a fragment over the runtime's
// defaults, agents add up, and nothing is added that is there.
func (p *planner) mergeOptions() {
	g := p.lang.options
	if g == nil {
		p.plan.Edits = append(p.plan.Edits, p.args...)
		return
	}
	var own []option
	for _, name := range g.owner {
		value, _ := p.process.Env.Lookup(name)
		// An owner's variable that the runtime will refuse is the owner's.
		words, _ := g.split(value)
		own = append(own, g.read(words)...)
	}
	owner, argv, end := newIndex(own), newIndex(nil), p.first()
	if p.rt.Form == Interpreter {
		end = p.lang.script(p.process.Argv, p.first())
		argv = newIndex(g.read(asWords(p.process.Argv[p.first():end])))
	}
	ours, locked := make(map[string]option), make(map[string][]placed)
	for _, o := range p.unique() {
		_, inArgv := argv.keys[o.key]
		switch {
		case o.unlocks:
			locked[o.agent] = append(locked[o.agent], o)
			continue
		case p.isThere(o, owner, argv):
			continue
		case o.env && o.key == collectorKey && (p.rt.Form != Interpreter || inArgv):
			p.plan.note(o.agent, "its collector is left out: the runtime's command line has one")
			continue
		case o.env && inArgv && p.rt.Language != fragment.Java:
			// Such a flag counts in the command line only.
			o.env = false
		case !heapFits(o, owner, argv, ours):
			p.plan.note(o.agent, o.name+" is left out: the heap's initial size would be above its largest")
			continue
		}
		if o.key != "" {
			ours[o.key] = o.option
		}
		if strings.HasPrefix(o.words[0].text, "-XX:") {
			p.placed = append(p.placed, locked[o.agent]...)
			delete(locked, o.agent)
		}
		p.placed = append(p.placed, o)
	}
	p.placeOptions(end)
}

// An index finds an option among many.
type index struct {
	ids map[string]bool
	// keys holds, for each key, the option that counts: the last.
	keys map[string]option
}

func newIndex(opts []option) index {
	x := index{make(map[string]bool, len(opts)), make(map[string]option, len(opts))}
	for _, o := range opts {
		x.ids[o.id] = true
		if o.key != "" {
			x.keys[o.key] = o
		}
	}
	return x
}

// unique returns the fragments' options less those for which another
// fragment's stands: a later one of the same key, or an earlier one that says
// the same.
func (p *planner) unique() []placed {
	latest, said := make(map[string]placed), make(map[string]bool)
	at := make(map[string]int)
	for i, o := range p.options {
		if o.key != "" {
			latest[o.key], at[o.key] = o, i
		}
	}
	var list []placed
	for i, o := range p.options {
		switch {
		case o.key == "" && said[o.id] && !o.unlocks:
			continue
		case o.key != "" && at[o.key] != i:
			if l := latest[o.key]; l.value != o.value {
				p.plan.note(o.agent, o.name+" gives way to that of "+l.agent)
			}
			continue
		}
		said[o.id] = true
		list = append(list, o)
	}
	return list
}

// isThere reports whether the owner decided the option already, or the
// runtime's command line says the same.
func (p *planner) isThere(o placed, owner, argv index) bool {
	if o.key == "" {
		return owner.ids[o.id] || argv.ids[o.id]
	}
	theirs, decided := owner.keys[o.key]
	if !decided && o.key == collectorKey {
		// The owner may have switched this one off.
		theirs, decided = owner.keys["-XX:"+o.value]
	}
	if decided {
		if theirs.value != o.value {
			p.plan.note(o.agent, o.name+" gives way to the function's own")
		}
		return true
	}
	runtimes, there := argv.keys[o.key]
	if there && runtimes.value != o.value && exclusive(o.key) {
		p.plan.note(o.agent, o.name+" gives way to the runtime's own: the two exclude each other")
		return true
	}
	return there && runtimes.value == o.value
}

// exclusive reports whether options of one key exclude each other: a runtime
// that is given two of them does not start.
func exclusive(key string) bool {
	if key == rubyEncodingKey {
		return true
	}
	for _, group := range nodeGroups {
		if group == key {
			return true
		}
	}
	return false
}

// beside names another option of the same fragment that excludes o; empty if
// there is none.
func (c *check) beside(o *option, variable string, split func(string) ([]word, error), read func([]word) []option) string {
	if !exclusive(o.key) {
		return ""
	}
	value, _ := c.frag.Lookup(variable)
	words, _ := split(value)
	for _, other := range read(append(words, asWords(c.frag.Args)...)) {
		if other.key == o.key && other.value != o.value {
			return other.name
		}
	}
	return ""
}

// placeOptions turns the placed options into edits; end is the index before
// which options must stand that win over the runtime's.
func (p *planner) placeOptions(end int) {
	for _, agents := range []bool{true, false} {
		for _, o := range p.placed {
			if o.env || o.loads != agents {
				continue
			}
			at := end
			if agents && p.rt.Language == fragment.Java {
				at = p.first()
			}
			for _, w := range o.words {
				p.insert(o.agent, at, w.text, "")
			}
		}
	}
	for _, o := range p.placed {
		if !o.env {
			continue
		}
		raw := o.words[0].raw
		for _, w := range o.words[1:] {
			raw += " " + w.raw
		}
		p.edit(Edit{Kind: PrependVariable, Agent: o.agent, Name: p.lang.options.env, Added: raw, sep: ' '})
	}
}
