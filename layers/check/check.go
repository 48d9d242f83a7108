package check

import (
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/native"
)

// Options says what is known of the functions that use layers.
type Options struct {
	// Arch is amd64 or arm64. If it is empty, the layers' own programs say it.
	Arch string
}

// Layers checks layers that a function has in this order.
func Layers(opt Options, list ...*Layer) Report {
	c := newChecking()
	c.unknown(opt, list)
	return c.report()
}

// stackOf is the stack of functions that are not known.
func stackOf(opt Options, list []*Layer) *stack {
	s := &stack{layers: list, place: stackPlace, arch: opt.Arch}
	s.sources = slices.DeleteFunc(slices.Clone(list), func(l *Layer) bool { return !l.source() })
	if len(list) == 1 {
		s.place = list[0].Name
	}
	return s
}

// unknown checks the stack of functions that are not known. Layers for different
// architectures would only hide each other: each stands in a stack without the
// others.
func (c *checking) unknown(opt Options, list []*Layer) {
	for _, l := range list {
		c.read(l)
	}
	arches := arches(list)
	if opt.Arch != "" || len(arches) < 2 {
		c.stack(stackOf(opt, list))
		return
	}
	var parts []string
	for _, arch := range arches {
		var names []string
		for _, l := range list {
			if l.builtFor() == arch {
				names = append(names, l.Name)
			}
		}
		parts = append(parts, strings.Join(names, ", ")+" for "+native.ArchName(native.Machine(arch)))
		c.stack(stackOf(opt, slices.DeleteFunc(slices.Clone(list), func(l *Layer) bool {
			of := l.builtFor()
			return of != "" && of != arch
		})))
	}
	c.found.add("mixed-arch", stackPlace, 0, "%s: each was checked without the other", strings.Join(parts, ", "))
}

// stackPlace is where findings about several layers are.
const stackPlace = "the layers together"

// checking is a check under way.
type checking struct {
	layers []*Layer
	done   map[*Layer]bool
	bounds map[string]*bound
	found  findings
	others []string // paths that are no layers
}

func newChecking() *checking {
	return &checking{done: map[*Layer]bool{}, bounds: map[string]*bound{}}
}

// stack checks a stack and its layers.
func (c *checking) stack(s *stack) {
	for _, l := range s.layers {
		c.read(l)
	}
	s.bounds = c.bounds
	s.check()
	c.found = append(c.found, s.found...)
}

// read reads all of a layer, once.
func (c *checking) read(l *Layer) {
	if c.done[l] {
		return
	}
	c.done[l] = true
	c.layers = append(c.layers, l)
	l.inspect()
	l.modes()
	l.layout()
	for _, manifest := range l.Uninstalled() {
		l.pending = append(l.pending, path.Dir(manifest))
		l.found.add("not-installed", l.place(manifest), 0, "%s is not installed yet", path.Base(manifest))
	}
	for _, file := range l.unlocked() {
		l.found.add("not-locked", l.place(file), 0, "has no package-lock.json: its dependencies are not installed")
	}
}

func (c *checking) report() Report {
	c.unmatched()
	files := len(c.others)
	sources := slices.Clone(c.others)
	all := c.found
	for _, l := range c.layers {
		files += l.count()
		sources = append(sources, l.Name)
		all = append(all, l.found...)
	}
	return Report{Files: files, Findings: all.sorted(sources)}
}
