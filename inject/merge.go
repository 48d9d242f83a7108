package inject

import "slices"

// mergeOptions places the fragments' options beside the owner's and the
// runtime's own: the owner wins over a fragment, a fragment over the runtime's
// defaults, agents add up, and nothing is added that is there.
func (p *planner) mergeOptions() {
	g := p.lang.options
	if g == nil {
		p.plan.Edits = append(p.plan.Edits, p.args...)
		return
	}
	var owner, argv []option
	for _, name := range g.owner {
		value, _ := p.process.Env.Lookup(name)
		// An owner's variable that the runtime will refuse is the owner's.
		words, _ := g.split(value)
		owner = append(owner, g.read(words)...)
	}
	end := p.first()
	if p.rt.Form == Interpreter {
		end = p.lang.script(p.process.Argv, p.first())
		argv = g.read(asWords(p.process.Argv[p.first():end]))
	}
	for i, o := range p.options {
		if p.outdone(i) || p.isThere(o, owner, argv) {
			continue
		}
		if o.env && o.key == collectorKey && (p.rt.Form != Interpreter || last(argv, o.key) != nil) {
			p.plan.note(o.agent, "its collector is left out: the runtime's command line has one")
			continue
		}
		if o.env && p.rt.Language != "java" && last(argv, o.key) != nil {
			// Such a flag counts in the command line only.
			o.env = false
		}
		p.placed = append(p.placed, o)
	}
	p.placeOptions(end)
}

// outdone reports whether another fragment's option stands for option i: a
// later one of the same key, or an earlier one that says the same.
func (p *planner) outdone(i int) bool {
	o := p.options[i]
	if o.key == "" {
		return slices.ContainsFunc(p.options[:i], func(e placed) bool { return e.id == o.id })
	}
	for _, l := range p.options[i+1:] {
		if l.key == o.key {
			if l.value != o.value {
				p.plan.note(o.agent, o.name+" gives way to that of "+l.agent)
			}
			return true
		}
	}
	return false
}

// isThere reports whether the owner decided the option already, or the
// runtime's command line says the same.
func (p *planner) isThere(o placed, owner, argv []option) bool {
	if o.key == "" {
		same := func(e option) bool { return e.id == o.id }
		return slices.ContainsFunc(owner, same) || slices.ContainsFunc(argv, same)
	}
	theirs := last(owner, o.key)
	if theirs == nil && o.key == collectorKey {
		// The owner may have switched this one off.
		theirs = last(owner, "-XX:"+o.value)
	}
	if theirs != nil {
		if theirs.value != o.value {
			p.plan.note(o.agent, o.name+" gives way to the function's own")
		}
		return true
	}
	own := last(argv, o.key)
	return own != nil && own.value == o.value
}

// last returns the option that counts for key, or nil.
func last(opts []option, key string) *option {
	if key == "" {
		return nil
	}
	for i := len(opts) - 1; i >= 0; i-- {
		if opts[i].key == key {
			return &opts[i]
		}
	}
	return nil
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
			if agents && p.rt.Language == "java" {
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
