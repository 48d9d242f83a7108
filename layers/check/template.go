package check

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/layers"
)

// A Source opens a layer by its path relative to a template's folder. It
// returns an error of io/fs.ErrNotExist for one that is not there.
type Source func(file string) (*Layer, error)

// Template checks the functions of a SAM or CloudFormation template and their
// layers. A layer that has a build method is looked for where sam build puts
// it. Those that are not found, such as published ones, are taken from given,
// in this order.
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
	tc := &templateCheck{checking: c, name: name, template: t, open: open, opened: map[string]*Layer{}, missing: map[string]string{}, given: given, arch: opt.Arch}
	for _, f := range t.Functions {
		tc.function(f)
	}
	for _, l := range t.Layers {
		if _, used := tc.opened[l.ID]; used {
			continue
		}
		if layer := tc.local(l); layer != nil {
			tc.stack(&stack{layers: []*Layer{layer}, place: layer.Name, arch: tc.archOf(l.Architectures)})
		} else {
			c.found.add("layer-not-found", name, l.Line, "%s", tc.missing[l.ID])
		}
	}
	return c.report()
}

// templateCheck is a template under way.
type templateCheck struct {
	*checking
	name     string
	template template.Template
	open     Source
	opened   map[string]*Layer // by logical id; nil for one that is not here
	missing  map[string]string // by logical id: why it is not here
	given    []*Layer
	arch     string
}

// function checks one function.
func (t *templateCheck) function(f template.Function) {
	s := &stack{place: t.name, line: f.Line, function: f.ID, arch: t.archOf(f.Architectures)}
	vars := variables(f.Environment)
	environment(&t.found, t.name, f, vars)
	for _, v := range vars {
		if v.known {
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
	s.partial = f.Layers.Unknown != ""
	s.count = len(f.Layers.Items)
	for _, item := range f.Layers.Items {
		var layer *Layer
		if l, ok := t.template.Layer(item.Ref); ok {
			layer = t.local(l)
			t.layerArch(f, l, s.arch, item.Line)
		}
		if layer == nil && len(given) > 0 {
			layer, given = given[0], given[1:]
		}
		if layer == nil {
			s.partial = true
			t.found.add("layer-not-found", t.name, item.Line, "function %s: %s", f.ID, cmp.Or(t.missing[item.Ref], item.Text, item.Unknown))
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
		names = append(names, lambdaArch(a.Text))
	}
	if arch != "" && len(names) > 0 && l.Architectures.Unknown == "" && !slices.Contains(names, arch) {
		t.found.add("layer-arch", t.name, line, "function %s is for %s, %s is not", f.ID, archName(arch), l.ID)
	}
}

func lambdaArch(name string) string {
	return map[string]string{"x86_64": "amd64", "arm64": "arm64"}[name]
}

func archName(arch string) string {
	return map[string]string{"amd64": "x86_64", "arm64": "arm64"}[arch]
}

// archOf is the architecture that a function or layer is for, if it says one.
func (t *templateCheck) archOf(list template.List) string {
	if t.arch != "" || len(list.Items) != 1 || list.Unknown != "" {
		return t.arch
	}
	return lambdaArch(list.Items[0].Text)
}

// local opens a layer of the template; nil if it is not here.
func (t *templateCheck) local(l template.Layer) *Layer {
	if layer, ok := t.opened[l.ID]; ok {
		return layer
	}
	file := l.Content.Text
	if l.BuildMethod.Set() {
		file = path.Join(".aws-sam/build", l.ID)
	}
	var layer *Layer
	err := errors.New(l.Content.Unknown)
	if l.BuildMethod.Set() || l.Content.Known() {
		layer, err = t.open(file)
	}
	t.opened[l.ID] = layer
	switch {
	case err != nil && l.BuildMethod.Set():
		t.missing[l.ID] = fmt.Sprintf("%s is not built: there is no %s", l.ID, file)
	case err != nil:
		t.missing[l.ID] = fmt.Sprintf("%s: %v", l.ID, err)
	}
	return layer
}

// variables are the variables of a function.
func variables(env template.Environment) []variable {
	var list []variable
	for _, v := range env.Variables {
		list = append(list, variable{
			Var:   fragment.Var{Name: v.Name, Value: v.Value.Text},
			line:  v.Value.Line,
			known: known(v.Value),
		})
	}
	return list
}

// execWrapper checks what a function has Lambda start in front of its runtime.
func (s *stack) execWrapper(r *root) {
	if !s.wrapper || len(s.runtimes) != 1 {
		return
	}
	value, set := fragment.Lookup(s.vars, managed.ExecWrapper)
	line := s.line
	add := func(code, format string, args ...any) {
		s.found.add(code, s.place, line, "function %s: %s", s.function, fmt.Sprintf(format, args...))
	}
	// What Lambda starts by itself needs no wrapper.
	forked := hasCompanion(r, layers.Forked)
	brings := forked && s.telemetry()
	list, _ := fragment.ReadDir(r, fragment.Dir)
	for _, f := range list {
		brings = brings || len(f.Args) > 0 || forked && len(f.Run) > 0 || slices.ContainsFunc(f.Vars, func(v fragment.Var) bool {
			// A program that the companion runs gets its fragment's plain variables.
			return len(f.Run) == 0 || !inject.IsPlain(v.Name)
		})
	}
	switch {
	case s.runtimes[0].OSOnly():
		if set {
			add("wrapper-unsupported", "%s does not call it", s.runtimes[0].Name)
		}
	case !set || value == "":
		if brings {
			add("wrapper-not-set", "%s is not set", managed.ExecWrapper)
		}
	case !path.IsAbs(value):
		add("wrapper-missing", "%s is no absolute path", managed.ExecWrapper)
	case strings.HasPrefix(path.Clean(value), "/opt/"):
		e, err := r.entry(strings.TrimPrefix(path.Clean(value), "/"))
		switch {
		case err != nil && s.partial:
		case err != nil || e == nil || !e.mode.IsRegular():
			add("wrapper-missing", "%s: no such file in its layers", value)
		case !e.executable() && !(e.layer.folder && e.program()):
			add("lost-execute-bit", "%s: mode %04o: is the wrapper, and may not be executed", value, e.mode.Perm())
		case brings && path.Base(value) != "graft" && !strings.Contains(e.first, "graft"):
			if next, _ := fragment.Lookup(s.vars, "GRAFT_NEXT"); next == "" {
				add("wrapper-not-set", "%s is %s, which does not run graft", managed.ExecWrapper, value)
			}
		}
	}
}
