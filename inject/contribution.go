package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// A contribution is what one fragment asks for, checked.
type contribution struct {
	options  []option
	args     []string
	lists    []fragment.Var
	profiler []fragment.Var
	plain    []fragment.Var
	keys     string
	handler  []Edit
	wrapper  string
}

// prepare checks all that a fragment asks for.
func (p *planner) prepare(f fragment.Fragment) (c contribution, err error) {
	ck := &check{Machine: p.Machine, rt: p.rt, env: p.process.Env, frag: f, brought: p.brought}
	for _, b := range f.Runtimes {
		ck.limited = ck.limited || b.Language == p.rt.Language && b.Limited() && b.Holds(p.rt.Version)
	}
	for _, v := range f.Vars {
		lang, kind := classify(v.Name)
		if lang != "" && lang != p.rt.Language {
			continue
		}
		switch kind {
		case optionString:
			var opts []option
			if opts, err = p.readOptions(ck, v); err == nil {
				c.options = append(c.options, opts...)
			}
		case pathList:
			var items []string
			if items, err = p.readList(ck, v); err == nil && len(items) > 0 {
				c.lists = append(c.lists, fragment.Var{Name: v.Name, Value: strings.Join(items, ":")})
			}
		case keyList:
			c.keys = v.Value
		case nextWrapper:
			c.wrapper, err = p.joinWrapper(ck, v.Value)
		case plain:
			if p.handlerVars[v.Name] {
				err = fmt.Errorf("%s: holds the handler for an earlier agent", v.Name)
			}
			c.plain = append(c.plain, v)
		}
		if err != nil {
			return c, err
		}
	}
	if p.rt.Language == fragment.DotNet {
		if c.profiler, err = p.joinProfiler(f, ck); err != nil {
			return c, err
		}
	}
	if c.handler, err = p.redirect(f); err != nil {
		return c, err
	}
	opts, err := p.readArgs(ck)
	if p.lang.options == nil {
		c.args = f.Args
	}
	c.options = append(c.options, opts...)
	return c, err
}

// readOptions takes an option string apart and vets every option.
func (p *planner) readOptions(c *check, v fragment.Var) ([]option, error) {
	g := p.lang.options
	words, err := g.split(v.Value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Name, err)
	}
	opts := g.read(words)
	for i := range opts {
		if err := g.vet(c, &opts[i]); err != nil {
			return nil, err
		}
		if opts[i].argv && p.rt.Form != Interpreter {
			return nil, fmt.Errorf("%s: stands in a command line only, and the program is not the runtime itself", opts[i].name)
		}
	}
	return opts, nil
}

// commit takes over what prepare found to be right.
func (p *planner) commit(f fragment.Fragment, c contribution) {
	p.plan.Agents = append(p.plan.Agents, f.Name)
	where := p.settings.Java
	if where == "" {
		where = f.Java
	}
	env := p.rt.Form != Interpreter || p.rt.Language != fragment.Java || where == "env"
	for _, o := range c.options {
		p.options = append(p.options, placed{o, f.Name, env && !o.argv})
	}
	for _, l := range c.lists {
		if !slices.Contains(p.listed, l.Name) {
			p.listed = append(p.listed, l.Name)
		}
		for item := range strings.SplitSeq(l.Value, ":") {
			p.lists[l.Name] = append(p.lists[l.Name], listItem{agent: f.Name, text: item})
		}
	}
	for _, v := range c.profiler {
		p.profiler[v.Name] = v.Value
		p.edit(Edit{Kind: SetVariable, Agent: f.Name, Name: v.Name, Added: v.Value})
	}
	for _, v := range c.plain {
		p.plain = append(p.plain, plainVar{f.Name, v})
	}
	p.addKeys(f.Name, c.keys)
	if f.OriginalHandler != "" {
		p.handlerVars[f.OriginalHandler] = true
	}
	for _, e := range c.handler {
		if e.Kind == SetHandler {
			p.handler = []string{e.Added}
		}
		p.edit(e)
	}
	if c.wrapper != "" {
		p.wrappers = append(p.wrappers, Wrapper{f.Name, c.wrapper})
	}
	p.addArgs(f.Name, c.args)
}
