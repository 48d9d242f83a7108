package check

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/template"
)

// A Source opens a layer by its path relative to a template's folder. Its error
// is [ErrOutside] for one that it does not look at.
type Source func(file string) (*Layer, error)

// ErrOutside says that a template points to a place over which it has no say.
var ErrOutside = errors.New("lies outside the template's folder and repository")

// Template checks the functions of a SAM or CloudFormation template and their
// layers. A layer that has a build method is looked for where sam build puts
// it. For layers that are not found, such as published ones, those in given
// stand, in this order; a given layer that stands for none is checked by itself.
func Template(opt Options, name string, data []byte, open Source, given ...*Layer) Report {
	c := newChecking()
	c.others = []string{name}
	t, err := template.Parse(data)
	if err != nil {
		line, problem := 0, err.Error()
		var bad *template.Error
		if errors.As(err, &bad) {
			line, problem = bad.Line, bad.Problem
		}
		c.found.add("template-invalid", name, line, "%s", problem)
		return c.report()
	}
	for _, v := range t.Unread {
		c.found.add("template-unread", name, v.Line, "%s: is made when the template is deployed", v.Unknown)
	}
	for _, n := range t.Nested {
		c.found.add("template-nested", name, n.Line, "%s: %s", n.ID, n.Where(name))
	}
	tc := &templateCheck{checking: c, name: name, template: t, arch: opt.Arch, local: map[string]local{}, used: map[string]bool{}}
	for _, l := range t.Layers {
		tc.local[l.ID] = find(l, open)
	}
	for _, l := range given {
		if !tc.has(l) {
			tc.given = append(tc.given, l)
		}
	}
	for _, f := range t.Functions {
		tc.function(f)
	}
	for _, l := range t.Layers {
		if tc.used[l.ID] {
			continue
		}
		if at := tc.local[l.ID]; at.layer != nil {
			tc.stack(stackOf(Options{Arch: tc.archOf(l.Architectures)}, []*Layer{at.layer}))
		} else {
			c.found.add(at.code, name, l.Line, "%s", at.why)
		}
	}
	if rest := slices.DeleteFunc(tc.given, func(l *Layer) bool { return c.done[l] }); len(rest) > 0 {
		c.unknown(opt, rest) // no function lacks them
	}
	return c.report()
}

// templateCheck is the check of a template under way.
type templateCheck struct {
	*checking
	name     string
	template template.Template
	local    map[string]local // by logical id
	used     map[string]bool  // by logical id: whether a function has it
	given    []*Layer         // for what is not here
	arch     string
}

// A local is a layer of the template as it is here: the layer, or the finding
// that says why there is none.
type local struct {
	layer     *Layer
	code, why string
	// plain is set if whatever builds the layer adds none of graft's programs.
	plain bool
}

// has reports whether a layer is one of the template's own.
func (t *templateCheck) has(l *Layer) bool {
	for _, at := range t.local {
		if at.layer == l {
			return true
		}
	}
	return false
}

// function checks one function.
func (t *templateCheck) function(f template.Function) {
	s := &stack{place: t.name, line: f.Line, function: f.ID, arch: t.archOf(f.Architectures)}
	vars := variables(f.Environment)
	environment(&t.found, t.name, f, vars)
	for _, v := range vars {
		if v.known || reference.Is(v.Value) {
			s.vars = append(s.vars, v.Var)
		}
	}
	if s.arch == "" && f.Architectures.Line == 0 {
		s.arch = "amd64" // Lambda's own default
	}
	if f.PackageType.Text == "Image" {
		return // it has no layers
	}
	if rt, ok := t.runtime(f); ok {
		s.runtimes = []managed.Runtime{rt}
	} else {
		s.unplanned = true
	}
	given := t.given
	s.partial, s.open = f.Layers.Unknown != "", f.Layers.Unknown != ""
	s.count = len(f.Layers.Items)
	for _, item := range f.Layers.Items {
		at := local{code: "layer-not-found", why: cmp.Or(item.Text, item.Unknown)}
		if l, ok := t.template.Layer(item.Ref); ok {
			at, t.used[l.ID] = t.local[l.ID], true
			t.layerArch(f, l, s.arch, item.Line)
		}
		// SAM ships a folder of the template as it stands, or as it built it.
		layer := at.layer
		if layer == nil && len(given) > 0 {
			layer, given = given[0], given[1:]
			if layer.source() {
				s.sources = append(s.sources, layer)
			}
		}
		if layer == nil {
			s.partial, s.open = true, s.open || !at.plain
			t.found.add(at.code, t.name, item.Line, "function %s: %s", f.ID, at.why)
			continue
		}
		s.layers = append(s.layers, layer)
	}
	s.wrapper = f.Environment.Unknown == "" && !slices.ContainsFunc(vars, func(v variable) bool { return v.Name == managed.ExecWrapper && !v.known })
	t.stack(s)
}

// layerArch checks that a layer is for the function's architecture.
func (t *templateCheck) layerArch(f template.Function, l template.Layer, arch string, line int) {
	names := []string{}
	for _, a := range l.Architectures.Items {
		names = append(names, native.FromLambda(a.Text))
	}
	if arch != "" && len(names) > 0 && l.Architectures.Unknown == "" && !slices.Contains(names, arch) {
		t.found.add("layer-arch", t.name, line, "function %s is for %s, %s is not", f.ID, native.ArchName(native.Machine(arch)), l.ID)
	}
}

// archOf is the architecture that a function or layer is for, if it says one.
func (t *templateCheck) archOf(list template.List) string {
	if t.arch != "" || len(list.Items) != 1 || list.Unknown != "" {
		return t.arch
	}
	return native.FromLambda(list.Items[0].Text)
}

// byPackages reports whether sam build makes the layer by a language's package
// manager: all of it is then below that one's folder, such as nodejs.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-layers.html
func byPackages(l template.Layer) bool {
	rt, ok := managed.Find(l.BuildMethod.Text)
	return ok && !rt.OSOnly()
}

// find opens a layer of the template where it is here.
func find(l template.Layer, open Source) local {
	at := l.Place(func(folder string) bool {
		layer, err := open(folder)
		return err == nil && len(layer.entries) > 0 || errors.Is(err, ErrOutside)
	})
	if at.Made != "" {
		return local{code: "layer-not-found", why: fmt.Sprintf("%s is not built: there is nothing in %s", l.ID, at.Made), plain: byPackages(l)}
	}
	var layer *Layer
	err := errors.New(l.Content.Unknown)
	if at.Path != "" {
		layer, err = open(at.Path)
	}
	switch {
	case err == nil:
		return local{layer: layer}
	case errors.Is(err, ErrOutside):
		return local{code: "layer-outside", why: fmt.Sprintf("%s: %s: was not looked at", l.ID, at.Path)}
	}
	return local{code: "layer-not-found", why: fmt.Sprintf("%s: %v", l.ID, err)}
}
