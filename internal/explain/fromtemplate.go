package explain

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/rootfs"
	"github.com/graft-lambda/graft/internal/show"
	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/layers/check"
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
	functions, nested := t.Functions, o.nested(t)
	if o.Function != "" {
		f, ok := t.Function(o.Function)
		if !ok {
			var names []string
			for _, f := range t.Functions {
				names = append(names, f.ID)
			}
			for _, n := range nested {
				names = append(names, "what the nested template "+n.name+" has ("+n.nested+")")
			}
			for _, v := range t.Unread {
				names = append(names, "what "+v.Unknown+" makes, which is not known before the deployment")
			}
			return nil, usage("--function: %s has no function %q; it has %s", o.Template, o.Function, show.Line(strings.Join(names, ", ")))
		}
		functions, nested = []template.Function{f}, nil
	}
	if len(functions) == 0 && len(nested) == 0 {
		return nil, fmt.Errorf("%s: no function in it", o.Template)
	}
	// What is wrong with the options themselves is not about one function.
	if _, err := runtimes(o.Runtime); err != nil {
		return nil, usage("--runtime: %v, all", err)
	}
	for _, file := range o.Layers {
		if err := opens(file); err != nil {
			return nil, fmt.Errorf("--layer: %w", err)
		}
	}
	if o.Code != "" {
		if err := opens(o.Code); err != nil {
			return nil, fmt.Errorf("--code: %w", err)
		}
	}
	var targets []target
	for _, f := range functions {
		targets = append(targets, o.fromFunction(t, f))
	}
	return append(targets, nested...), nil
}

// nested makes targets of the nested templates.
func (o Options) nested(t template.Template) []target {
	var targets []target
	for _, n := range t.Nested {
		targets = append(targets, target{name: n.ID, line: n.Line, nested: n.Where(o.Template)})
	}
	return targets
}

// opens tries to open a layer or code.
func opens(file string) error {
	_, c, err := rootfs.OpenPath(file)
	if err != nil {
		return bare(file, err)
	}
	return c.Close()
}

// fromFunction makes a target of a function. The options win over the template.
func (o Options) fromFunction(t template.Template, f template.Function) target {
	r := target{
		name: f.ID, line: f.Line, runtime: f.Runtime.Text, code: o.Code, handler: o.Handler, command: o.Command,
		image: f.PackageType.Text == "Image",
	}
	r.environment(f.Environment, o.Env)
	if r.handler == "" {
		r.handler = r.known("Handler", f.Handler)
	}
	r.memory, _ = strconv.Atoi(r.known("MemorySize", f.Memory))
	r.architecture(f.Architectures, o.Arch)
	dir := filepath.Dir(o.Template)
	if r.image {
		r.fail(r.fromImage(f))
	} else {
		r.fail(r.chooseRuntime(f, o))
	}
	r.fail(r.addLayers(t, f, dir, o.Layers))
	if r.image || r.err != nil {
		return r
	}
	if code := f.Code; r.code == "" && code.Known() {
		r.code = below(dir, code.Text)
		if outside(dir, r.code) {
			r.code = ""
			r.remark("the code at %s %v: /var/task is taken to be empty; give it with --code", code.Text, check.ErrOutside)
		} else if _, err := os.Stat(r.code); err != nil {
			r.code = ""
			r.remark("the code at %s is not there: /var/task is taken to be empty", code.Text)
		}
	}
	wrapper, set := inject.Env(r.env).Lookup(managed.ExecWrapper)
	switch {
	case r.runtimes[0].OSOnly():
	case !set && r.anyUnknown, slices.Contains(r.unknown, managed.ExecWrapper):
		r.remark("whether %s is %s is not known: shown is what graft would do", managed.ExecWrapper, self)
	case !set:
		r.remark("%s is not set: Lambda does not call graft. Set it to %s; shown is what graft would do", managed.ExecWrapper, self)
	case wrapper != self:
		r.remark("%s is not %s: Lambda does not call graft itself; shown is what it would do", managed.ExecWrapper, self)
	}
	return r
}

// chooseRuntime takes the function's runtime from the template. --runtime is
// for one that is not known from there, or for the one function that is asked
// for.
func (t *target) chooseRuntime(f template.Function, o Options) (err error) {
	name := t.known("Runtime", f.Runtime)
	switch {
	case o.Runtime == "", o.Runtime == name:
	case name == "":
		name = o.Runtime
	case o.Function == "":
		t.remark("--runtime %s is not for this function, whose Runtime is known; with --function %s it is", o.Runtime, f.ID)
	default:
		t.remark("--runtime %s stands in place of the template's %s", o.Runtime, name)
		name = o.Runtime
	}
	if name == "" {
		return fmt.Errorf("line %d: its Runtime is not known from the template: --runtime NAME tells it, for the functions whose own is not known",
			max(f.Line, f.Runtime.Line))
	}
	if t.runtimes, err = runtimes(name); err != nil {
		return fmt.Errorf("line %d: Runtime: %w", f.Runtime.Line, err)
	}
	return nil
}

// architecture takes the function's architecture. It stays open where only the
// deployment knows it.
func (t *target) architecture(list template.List, option string) {
	switch {
	case option != "":
		t.arch, t.archFrom = option, "--arch"
	case len(list.Items) > 0:
		v := list.Items[0]
		t.arch = native.FromLambda(t.known("Architectures", v))
		t.archFrom = fmt.Sprintf("line %d: Architectures", v.Line)
	case list.Unknown != "":
		t.known("Architectures", template.Value{Line: list.Line, Unknown: list.Unknown})
	default:
		t.arch, t.archFrom = "amd64", "as Lambda has it where a template gives no Architectures"
	}
}

// fail notes one more reason why the function cannot be explained, if err is one.
func (t *target) fail(err error) {
	switch {
	case err == nil:
	case t.err == nil:
		t.err = err
	default:
		t.err = fmt.Errorf("%w; %w", t.err, err)
	}
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
// not known counts as set, and empty, for the plan.
func (t *target) environment(e template.Environment, own []string) {
	if t.anyUnknown = e.Unknown != ""; t.anyUnknown {
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
		text := v.Value.Text
		if reference.Is(v.Value.Outline) {
			text = v.Value.Outline // where it leads to says enough
		} else if v.Value.Unknown != "" {
			t.unknown = append(t.unknown, v.Name)
		}
		env = env.With(v.Name, text)
	}
	for _, entry := range own {
		name, value, _ := strings.Cut(entry, "=")
		env = env.With(name, value)
	}
	t.env = env
}
