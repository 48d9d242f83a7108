package explain

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/template"
)

// fromTemplate lists the functions of a template.
func (o Options) fromTemplate() ([]target, error) {
	data, err := template.ReadFile(o.Template)
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Template, err)
	}
	functions := t.Functions
	if o.Function != "" {
		f, ok := t.Function(o.Function)
		if !ok {
			var names []string
			for _, f := range t.Functions {
				names = append(names, f.ID)
			}
			for _, v := range t.Unread {
				names = append(names, "what "+v.Unknown+" makes, which is not known before the deployment")
			}
			return nil, usage("--function: %s has no function %q; it has %s", o.Template, o.Function, strings.Join(names, ", "))
		}
		functions = []template.Function{f}
	}
	if len(functions) == 0 {
		return nil, fmt.Errorf("%s: no function in it", o.Template)
	}
	var targets []target
	for _, f := range functions {
		target, err := o.fromFunction(t, f)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	return targets, nil
}

// fromFunction makes a target of a function. The options win over the template.
func (o Options) fromFunction(t template.Template, f template.Function) (target, error) {
	r := target{name: f.ID, code: o.Code, handler: o.Handler, arch: o.Arch, command: o.Command, image: f.PackageType.Text == "Image"}
	r.environment(f.Environment, o.Env)
	if r.handler == "" {
		r.handler = r.known("Handler", f.Handler)
	}
	r.memory, _ = strconv.Atoi(r.known("MemorySize", f.Memory))
	if r.arch == "" {
		r.arch = "amd64"
		if len(f.Architectures.Items) > 0 && r.known("Architectures", f.Architectures.Items[0]) == "arm64" {
			r.arch = "arm64"
		}
	}
	dir := filepath.Dir(o.Template)
	r.addLayers(t, f, dir)
	r.layers = append(r.layers, o.Layers...)
	if r.image {
		return r, r.fromImage(f)
	}
	name := o.Runtime
	if name == "" {
		if name = r.known("Runtime", f.Runtime); name == "" {
			return target{}, usage("%s: its Runtime is not known from the template: give --runtime", f.ID)
		}
	}
	var err error
	if r.runtimes, err = runtimes(name); err != nil {
		return target{}, err
	}
	if code := f.Code; r.code == "" && code.Known() {
		r.code = below(dir, code.Text)
		if _, err := os.Stat(r.code); err != nil {
			r.code = ""
			r.remark("the code at %s is not there: /var/task is taken to be empty", code.Text)
		}
	}
	wrapper, set := inject.Env(r.env).Lookup(managed.ExecWrapper)
	switch {
	case r.runtimes[0].OSOnly():
	case !set:
		r.remark("%s is not set: Lambda does not call graft. Set it to %s; shown is what graft would do", managed.ExecWrapper, self)
	case wrapper != self:
		r.remark("%s is not %s: Lambda does not call graft itself; shown is what it would do", managed.ExecWrapper, self)
	}
	return r, nil
}

// remark adds a line that is not about the plan.
func (t *target) remark(format string, args ...any) {
	t.remarks = append(t.remarks, fmt.Sprintf(format, args...))
}

// known returns a property's text. It is said where that is a default, or not
// known.
func (t *target) known(name string, v template.Value) string {
	switch {
	case v.Unknown != "":
		t.remark("line %d: %s is not known before the deployment (%s)", v.Line, name, v.Unknown)
	case v.From != "":
		t.remark("line %d: %s is %s", v.Line, name, v.From)
	}
	return v.Text
}

// maxVariables is more than fit into the 4 KB that Lambda takes.
const maxVariables = 1024

// environment takes the function's variables, with own over them. One that is
// not known counts as set, and empty.
func (t *target) environment(e template.Environment, own []string) {
	if e.Unknown != "" {
		t.remark("the function's variables are not known before the deployment (%s)", e.Unknown)
	}
	if len(e.Variables) > maxVariables {
		t.remark("more variables than Lambda's 4 KB hold: only the first %d are read", maxVariables)
		e.Variables = e.Variables[:maxVariables]
	}
	env := inject.Env{}
	for _, v := range e.Variables {
		if _, replaced := inject.Env(own).Lookup(v.Name); replaced {
			continue
		}
		if !inject.IsPlain(v.Name) || strings.HasPrefix(v.Name, "GRAFT_") || v.Name == managed.ExecWrapper {
			t.known(v.Name, v.Value)
		}
		env = env.With(v.Name, v.Value.Text)
	}
	for _, entry := range own {
		name, value, _ := strings.Cut(entry, "=")
		env = env.With(name, value)
	}
	t.env = env
}

// addLayers finds the function's layers. Those that are not in the template
// are named.
func (t *target) addLayers(all template.Template, f template.Function, dir string) {
	if f.Layers.Unknown != "" {
		t.unknownLayer(f.Layers.Line, f.Layers.Unknown)
	}
	for _, v := range f.Layers.Items {
		l, ok := all.Layer(v.Ref)
		switch {
		case !ok && v.Known():
			t.unknownLayer(v.Line, v.Text)
		case !ok:
			t.unknownLayer(v.Line, v.Unknown)
		case !l.Content.Known():
			t.unknownLayer(v.Line, l.ID+", "+l.Content.Unknown)
		default:
			if l.BuildMethod.Set() {
				t.remark("line %d: layer %s is taken from %s as it is; run sam build and give .aws-sam/build/template.yaml to have it built",
					l.Line, l.ID, l.Content.Text)
			}
			t.layers = append(t.layers, below(dir, l.Content.Text))
		}
	}
}

func (t *target) unknownLayer(line int, what string) {
	t.open = true
	t.remark("line %d: what is in the layer %s is not known; add its folder or zip with --layer", line, what)
}

// fromImage finds the command line of a container image.
func (t *target) fromImage(f template.Function) error {
	t.dir = f.Image.Directory.Text
	t.remark("a container image: its own files are not looked at, and Lambda runs no %s there but in its own base images", managed.ExecWrapper)
	if len(t.command) == 0 {
		for _, v := range slices.Concat(f.Image.EntryPoint.Items, f.Image.Command.Items) {
			if !v.Known() {
				return usage("%s: its command line is not known from the template: give it behind --", f.ID)
			}
			t.command = append(t.command, v.Text)
		}
		if len(f.Image.EntryPoint.Items) == 0 {
			return usage("%s: the ENTRYPOINT of its image is not in the template: give the whole command line behind --", f.ID)
		}
	}
	if t.command[0] != self {
		t.remark("the command line does not begin with %s; shown is what it would do in front of it", self)
	} else if t.command = t.command[1:]; len(t.command) == 0 {
		return usage("%s: its command line has no program behind %s", f.ID, self)
	}
	return nil
}

// below is a path of the template, which is relative to its folder.
func below(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, filepath.FromSlash(file))
}
