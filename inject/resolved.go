package inject

import (
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/reference"
)

// ResolvedVar names what the next call of graft must not resolve again, where a
// script or another program that is not the runtime itself may call it:
// variables whose fetched values read like references, and GRAFT_SSM_PATH. It is
// set only if there are any.
const ResolvedVar = "GRAFT_RESOLVED"

// resolvedBefore are the variables that an earlier call of graft has resolved.
func (d *Decision) resolvedBefore() map[string]bool {
	names := make(map[string]bool)
	list, _ := d.Before.Env.Lookup(ResolvedVar)
	for name := range strings.SplitSeq(list, ":") {
		names[unescape.Replace(name)] = list != ""
	}
	return names
}

// markResolved tells the next call of graft what is resolved.
func (d *Decision) markResolved(rt Runtime) {
	var names []string
	add := func(name string) {
		if name = escape.Replace(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	// A value that is its own reference may be asked for once more.
	same := func(agent, name, value string) bool { return slices.Contains(d.References, Use{agent, name, value}) }
	// No reference is left in them but what a service returned.
	for _, entry := range d.Before.Env {
		name, value, _ := strings.Cut(entry, "=")
		if reference.Is(value) && !strings.HasPrefix(name, "GRAFT_") && !same("", name, value) {
			add(name)
		}
	}
	for _, f := range d.Fragments {
		for _, v := range f.Vars {
			asked := slices.ContainsFunc(d.References, func(u Use) bool { return u.Agent == f.Name && u.Name == v.Name })
			if asked && reference.Is(v.Value) && !d.has(v.Name) && !same(f.Name, v.Name, v.Value) {
				add(v.Name)
			}
		}
	}
	if d.Settings.SSMPath != "" && (rt.Form == Script || d.resolvedBefore()[ssmPath]) {
		add(ssmPath)
	}
	if len(names) > 0 {
		d.Before.Env = d.Before.Env.With(ResolvedVar, strings.Join(names, ":"))
	}
}
