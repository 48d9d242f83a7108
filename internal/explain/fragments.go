package explain

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// files are the fragments' paths, by agent. Several fragments may be of one
// agent: one for each language, say.
type files struct {
	all map[string][]string
	// counting are the fragments that count for the runtime.
	counting []fragment.Fragment
}

// newFiles lists the files of graft.d, those too that cannot be read.
func newFiles(root fs.FS, d inject.Decision) files {
	list := files{all: make(map[string][]string)}
	entries, err := fs.ReadDir(root, fragment.Rel(fragment.Dir))
	if err != nil {
		return list
	}
	for _, e := range entries {
		if name, ok := fragment.AgentName(e.Name()); ok {
			list.all[name] = append(list.all[name], fragment.Dir+"/"+e.Name())
		}
	}
	for _, f := range d.Fragments {
		if counts(f, d.Plan.Runtime) {
			list.counting = append(list.counting, f)
		}
	}
	return list
}

// of returns the agent's file, or its files: those that have the variable name,
// if any has, else those that count, else all.
func (l files) of(agent, name string) string {
	if len(l.all[agent]) < 2 {
		return strings.Join(l.all[agent], ", ")
	}
	var with, counting []string
	for _, f := range l.counting {
		if f.Name != agent {
			continue
		}
		counting = append(counting, f.File)
		if _, ok := f.Lookup(name); ok {
			with = append(with, f.File)
		}
	}
	for _, list := range [][]string{with, counting} {
		if len(list) > 0 {
			return strings.Join(list, ", ")
		}
	}
	return strings.Join(l.all[agent], ", ")
}

// ofProblem returns the file that a problem is about: one that cannot be read
// is named in it.
func (l files) ofProblem(p inject.Problem) string {
	for _, file := range l.all[p.Agent] {
		if strings.HasPrefix(p.Why, file+":") {
			return file
		}
	}
	return l.of(p.Agent, "")
}

// counts reports whether GRAFT_RUNTIMES lets the fragment count in a runtime.
func counts(f fragment.Fragment, rt inject.Runtime) bool {
	return len(f.Runtimes) == 0 || slices.ContainsFunc(f.Runtimes, func(b fragment.Bound) bool {
		return b.Language == rt.Language && b.Holds(rt.Version)
	})
}

// unused lists the fragments that are neither applied nor left out with a
// problem, and says why.
func unused(d inject.Decision) []Skip {
	var list []Skip
	rt := d.Plan.Runtime
	for _, f := range d.Fragments {
		skipped := slices.ContainsFunc(d.Problems, func(p inject.Problem) bool { return p.Agent == f.Name })
		// Where the version is not known, that is a problem of its own.
		undecided := !rt.Version.Known() && slices.ContainsFunc(f.Runtimes, func(b fragment.Bound) bool { return b.Language == rt.Language })
		switch {
		case slices.Contains(d.Settings.Disabled, f.Name):
			list = append(list, Skip{f.Name, f.File, "switched off by GRAFT_DISABLE"})
		case onlyRun(f), skipped && undecided:
		case !counts(f, rt):
			var bounds []string
			for _, b := range f.Runtimes {
				bounds = append(bounds, b.String())
			}
			list = append(list, Skip{f.Name, f.File, "is for " + strings.Join(bounds, ", ") + " only"})
		case skipped, slices.Contains(d.Plan.Agents, f.Name):
		default:
			list = append(list, Skip{f.Name, f.File, "has nothing for this runtime"})
		}
	}
	return list
}
