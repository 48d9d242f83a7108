package inject

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

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
			plan.skip(f.Name, why)
		}
		if !ok {
			continue
		}
		c, err := pl.prepare(f)
		if err != nil {
			plan.skip(f.Name, err.Error())
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

// readArgs checks GRAFT_ARGS. For a runtime whose options graft knows they are
// options that stand in the command line: they are merged as all others are.
func (p *planner) readArgs(c *check) ([]option, error) {
	args := c.frag.Args
	if len(args) == 0 {
		return nil, nil
	}
	if p.rt.Form == Script || p.rt.Form == Binary && p.rt.Language != fragment.Other {
		return nil, errors.New("GRAFT_ARGS: the program is not the runtime itself")
	}
	var opts []option
	if g := p.lang.options; g != nil {
		opts = g.read(asWords(args))
		for i := range opts {
			opts[i].argv = true
			if err := g.vet(c, &opts[i]); err != nil {
				return nil, fmt.Errorf("GRAFT_ARGS: %w", err)
			}
		}
	}
	for _, word := range args {
		if p.lang.refuseArg == nil {
			break
		}
		if why := p.lang.refuseArg(word); why != "" {
			return nil, fmt.Errorf("GRAFT_ARGS: %s: %s", shortOption(word), why)
		}
	}
	if p.rt.Language == fragment.Other {
		return nil, nil
	}
	// The runtime must find the same script behind them.
	if end := p.lang.script(args, 0); end < len(args) {
		return nil, fmt.Errorf("GRAFT_ARGS: %s: would stand in the script's place", shortOption(args[end]))
	}
	if p.lang.script(append(slices.Clone(args), "script"), 0) > len(args) {
		return nil, fmt.Errorf("GRAFT_ARGS: %s: %w", shortOption(args[len(args)-1]), errNoValue)
	}
	return opts, nil
}

// addArgs puts GRAFT_ARGS behind the interpreter's own arguments, unless they
// stand there already.
func (p *planner) addArgs(agent string, args []string) {
	if len(args) == 0 || containsRun(p.process.Argv[p.first():], args) {
		return
	}
	at := p.lang.script(p.process.Argv, p.first())
	for _, a := range args {
		p.args = append(p.args, Edit{Kind: InsertArgument, Agent: agent, At: at, Added: a})
	}
}

// containsRun reports whether run stands in list, in one piece.
func containsRun(list, run []string) bool {
	for i := 0; i+len(run) <= len(list); i++ {
		if slices.Equal(list[i:i+len(run)], run) {
			return true
		}
	}
	return false
}

// mergePlain sets the plain variables that the function lacks; of two
// fragments the later wins.
func (p *planner) mergePlain() {
	for i, v := range p.plain {
		later := func(w plainVar) bool { return w.Name == v.Name }
		if slices.ContainsFunc(p.plain[i+1:], later) {
			continue
		}
		old, set := p.process.Env.Lookup(v.Name)
		if set && !ManagedDefault(v.Name, old) {
			if old != v.Value {
				p.plan.note(v.agent, v.Name+" is set already and stays")
			}
			continue
		}
		if set && old == v.Value {
			continue
		}
		p.edit(Edit{Kind: SetVariable, Agent: v.agent, Name: v.Name, Added: v.Value})
	}
}

// executable reports why a file cannot be run as a wrapper.
func (c *check) executable(file string) error {
	if err := c.loadable(file); err != nil {
		return err
	}
	if info, err := fs.Stat(c.Root, fragment.Rel(file)); err != nil || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s: is not executable", file)
	}
	head, err := c.head(file, 256)
	if err != nil || !strings.HasPrefix(string(head), "#!") {
		return nil
	}
	line, _, _ := strings.Cut(string(head[2:]), "\n")
	if strings.HasSuffix(line, "\r") {
		return fmt.Errorf("%s: its first line ends with CRLF: save it with LF", file)
	}
	words := strings.Fields(line)
	if len(words) > 0 && path.IsAbs(words[0]) && !c.exists(words[0]) {
		return fmt.Errorf("%s: its interpreter %s: no such file", file, words[0])
	}
	return nil
}
