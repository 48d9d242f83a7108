package inject

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/native"
)

// A grammar says how a variable is merged.
type grammar int

const (
	plain grammar = iota
	optionString
	pathList
	keyList
	profilerGroupVar
	handlerName
	nextWrapper
)

// grammars has a row for every variable that is more than a plain default; an
// empty language is every runtime.
var grammars = map[string]struct {
	lang fragment.Language
	kind grammar
}{
	"JAVA_TOOL_OPTIONS":        {fragment.Java, optionString},
	"JDK_JAVA_OPTIONS":         {fragment.Java, optionString},
	"_JAVA_OPTIONS":            {fragment.Java, optionString},
	"NODE_OPTIONS":             {fragment.NodeJS, optionString},
	"RUBYOPT":                  {fragment.Ruby, optionString},
	"PYTHONPATH":               {fragment.Python, pathList},
	"NODE_PATH":                {fragment.NodeJS, pathList},
	"RUBYLIB":                  {fragment.Ruby, pathList},
	"GEM_PATH":                 {fragment.Ruby, pathList},
	startupHooks:               {fragment.DotNet, pathList},
	additionalDeps:             {fragment.DotNet, pathList},
	sharedStore:                {fragment.DotNet, pathList},
	"LD_PRELOAD":               {"", pathList},
	"LD_LIBRARY_PATH":          {"", pathList},
	"PATH":                     {"", pathList},
	"OTEL_RESOURCE_ATTRIBUTES": {"", keyList},
	profilerOn:                 {fragment.DotNet, profilerGroupVar},
	profilerID:                 {fragment.DotNet, profilerGroupVar},
	profilerPath:               {fragment.DotNet, profilerGroupVar},
	profilerPath + "_64":       {fragment.DotNet, profilerGroupVar},
	profilerPath + "_32":       {fragment.DotNet, profilerGroupVar},
	profilerPath + "_ARM64":    {fragment.DotNet, profilerGroupVar},
	handlerVar:                 {"", handlerName},
	"AWS_LAMBDA_EXEC_WRAPPER":  {"", nextWrapper},
}

// classify returns the grammar of a variable and the language it is for.
func classify(name string) (fragment.Language, grammar) {
	g := grammars[name]
	return g.lang, g.kind
}

// oursFirst are the lists in which what comes first loads first.
var oursFirst = []string{"LD_PRELOAD", startupHooks}

// readList takes a fragment's path list apart and checks its elements. Folders
// that do not exist are left out alone: a layer may bring one per runtime
// version.
func (p *planner) readList(c *check, v fragment.Var) ([]string, error) {
	items := splitList(v.Name, v.Value)
	switch v.Name {
	case "LD_PRELOAD":
		for _, item := range items {
			if err := c.preload(item); err != nil {
				return nil, err
			}
		}
		return items, nil
	case startupHooks, additionalDeps, sharedStore:
		return items, c.dotnetLists(v.Name, items)
	}
	var there, missing []string
	for _, item := range items {
		if !path.IsAbs(item) {
			return nil, fmt.Errorf("%s: %q is a relative path", v.Name, item)
		}
		if p.exists(item) {
			there = append(there, item)
		} else {
			missing = append(missing, item)
		}
	}
	if v.Name == pythonPath {
		// This list is what loads a Python agent.
		own := slices.DeleteFunc(items, p.isTaskRoot)
		if len(own) > 0 && !slices.ContainsFunc(own, p.exists) {
			return nil, fmt.Errorf("PYTHONPATH: %w", fileFault(own[0], fragment.ErrNoFile))
		}
	}
	for _, item := range missing {
		p.plan.note(c.frag.Name, v.Name+": "+item+": no such file, left out")
	}
	return there, nil
}

// searched are the lists of folders in which what an agent loads may stand.
var searched = []string{"NODE_PATH", "RUBYLIB", "GEM_PATH", "LD_LIBRARY_PATH"}

func bringsFolders(f fragment.Fragment) bool {
	return slices.ContainsFunc(f.Vars, func(v fragment.Var) bool { return slices.Contains(searched, v.Name) })
}

// folders are the absolute folders of a list as the runtime will see it.
func (c *check) folders(name string) []string {
	value, _ := c.env.Lookup(name)
	for _, f := range append(slices.Clone(c.brought), c.frag) {
		ours, _ := f.Lookup(name)
		value += ":" + ours
	}
	return slices.DeleteFunc(strings.Split(value, ":"), func(dir string) bool { return !path.IsAbs(dir) })
}

// preload checks an element of LD_PRELOAD: a path, or a bare name that the
// linker looks for.
func (c *check) preload(item string) error {
	if strings.Contains(item, "/") {
		return c.library(item)
	}
	return c.libraryNamed(item, c.searchPath(native.Object{Machine: c.machine()}, "")...)
}

// splitList returns the elements of a list that are not empty.
func splitList(name, value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool {
		return r == ':' || name == "LD_PRELOAD" && (r == ' ' || r == '\t' || r == '\n')
	})
}

// A pathSet holds paths without regard to how they are written.
type pathSet map[string]bool

func newPathSet(paths []string) pathSet {
	set := make(pathSet, len(paths))
	for _, p := range paths {
		set.add(p)
	}
	return set
}

// add reports whether p was not there.
func (set pathSet) add(p string) bool {
	p = path.Clean(p)
	there := set[p]
	set[p] = true
	return !there
}

// mergeLists adds the elements that are not there to the owner's text.
func (p *planner) mergeLists() {
	for _, name := range p.listed {
		owner, set := p.process.Env.Lookup(name)
		unset := name == "PATH" && !set
		if unset {
			owner = SearchPath(nil)
		}
		there := newPathSet(splitList(name, owner))
		var added []listItem
		for _, item := range p.lists[name] {
			if there.add(item.text) {
				added = append(added, item)
			}
		}
		if unset && len(added) > 0 {
			added = slices.Insert(added, 0, listItem{text: owner, why: "is searched where PATH is not set"})
		}
		if !slices.Contains(oursFirst, name) {
			p.append(name, added)
			continue
		}
		for _, item := range added {
			p.edit(Edit{Kind: PrependVariable, Agent: item.agent, Name: name, Added: item.text, sep: ':'})
		}
	}
}
