package explain

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
)

// All explains every function that the options name. Runtimes with the same result
// share one. A function of a template that cannot be explained gives a result
// whose Error is set, and no error.
func All(o Options) ([]Result, error) {
	targets, err := o.targets()
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, t := range targets {
		if t.nested != "" {
			results = append(results, Result{Function: t.name, Line: t.line, Nested: t.nested}.complete())
			continue
		}
		list, err := t.explain()
		switch {
		case err == nil:
			results = append(results, list...)
		case t.name == "":
			return nil, err
		default:
			results = append(results, t.unexplained(err))
		}
	}
	return Group(results), nil
}

// A target is a function as it is configured.
type target struct {
	name     string
	runtimes []managed.Runtime // none for an image, or a command alone
	layers   []source
	code     string
	env      []string
	// unknown are those of env whose values are not known; anyUnknown is set if
	// there may be others.
	unknown    []string
	anyUnknown bool
	handler    string
	memory     int
	arch       string
	archFrom   string // where arch comes from, for messages
	command    []string
	dir        string
	image      bool
	remarks    []string
	stops      []string // what keeps the function from starting
	// open is set if there may be more in the layers than is known here.
	open bool
	// line is where the function stands in its template, runtime what that says.
	line    int
	runtime string
	// nested is where a nested template is, which is no function.
	nested string
	// err is why the function cannot be explained.
	err error
}

// unexplained is the result of a function that cannot be explained.
func (t target) unexplained(err error) Result {
	r := Result{Function: t.name, Line: t.line, Architecture: t.arch, Error: err.Error(), Remarks: t.remarks}
	if t.runtime != "" {
		r.Runtimes = []string{t.runtime}
	}
	return r.complete()
}

// targets lists what the options name.
func (o Options) targets() ([]target, error) {
	if o.Template != "" {
		return o.fromTemplate()
	}
	t := target{code: o.Code, env: o.Env, handler: o.Handler, arch: o.Arch, command: o.Command}
	if o.Function != "" {
		return nil, usage("--function %s: of which --template?", o.Function)
	}
	for _, file := range o.Layers {
		t.layers = append(t.layers, source{file: file})
	}
	if o.Arch != "" {
		t.archFrom = "--arch"
	}
	var err error
	if t.runtimes, err = runtimes(o.Runtime); err != nil {
		return nil, usage("--runtime: %v, all", err)
	}
	if len(t.runtimes) == 0 && len(t.command) == 0 {
		return nil, usage("which function? Give --runtime nodejs22.x (or all), --template FILE, or a command behind --")
	}
	if len(t.runtimes) == 0 {
		t.image = true
	}
	if _, set := inject.Env(t.env).Lookup(managed.ExecWrapper); !set && !t.image {
		t.env = append([]string{managed.ExecWrapper + "=" + self}, t.env...)
	}
	return []target{t}, nil
}

// self is where the wrapper stands.
const self = "/opt/graft"

// runtimes returns the runtimes that a name stands for; none for no name.
func runtimes(name string) ([]managed.Runtime, error) {
	switch name {
	case "":
		return nil, nil
	case "all":
		return managed.Runtimes, nil
	}
	rt, ok := managed.Find(name)
	if !ok {
		var names []string
		for _, r := range managed.Runtimes {
			names = append(names, r.Name)
		}
		return nil, fmt.Errorf("%q is not one of %s", name, strings.Join(names, ", "))
	}
	return []managed.Runtime{rt}, nil
}

// explain explains a target for each of its runtimes.
func (t target) explain() ([]Result, error) {
	if t.err != nil {
		return nil, t.err
	}
	mounts, closers, err := t.openAll()
	defer func() {
		for _, c := range closers {
			c.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	started := programsOf(t.root(mounts), mounts)
	t.chooseArch(started)
	t.stops = t.foreign(started)
	if len(t.runtimes) == 0 {
		r := Explain(t.alone(mounts))
		if r.Version == "" && r.Language != string(fragment.Other) {
			r.Remarks = append(r.Remarks, fmt.Sprintf("the version of the runtime is not known here; graft will read it from the image's files. --env GRAFT_RUNTIME=%s, say, tells it",
				newest(fragment.Language(r.Language))))
		}
		return []Result{r}, nil
	}
	var results []Result
	for _, rt := range t.runtimes {
		results = append(results, Explain(t.on(rt, mounts)))
	}
	return results, nil
}

// newest is the name of a language's newest managed runtime.
func newest(l fragment.Language) (name string) {
	for _, rt := range managed.Runtimes {
		if rt.Language == l {
			name = rt.Name
		}
	}
	return name
}

// on is the target as it runs on a managed runtime.
func (t target) on(rt managed.Runtime, mounts []mount) Subject {
	root := t.root(mounts)
	rt.AddFiles(root, t.arch)
	f := t.function()
	if f.Handler == "" {
		f.Handler = rt.Handler()
	}
	is := func(file string) bool {
		info, err := root.Stat(fragment.Rel(file))
		return err == nil && info.Mode().IsRegular()
	}
	f.Native = rt.Language == fragment.DotNet && is("/var/task/"+f.Handler) && !is("/var/task/"+f.Handler+".dll")
	p := rt.Process(f)
	switch {
	case len(t.command) > 0:
		p.Argv = t.command
	case rt.OSOnly() && !is("/var/task/bootstrap") && is("/opt/bootstrap"):
		p.Argv = []string{"/opt/bootstrap"}
	}
	f.Env = nil
	s := t.subject(root, p, rt.Process(f).Env)
	s.Runtime = rt.Name
	if len(t.command) == 0 {
		s.Assumed = rt.Assumed
	}
	if rt.OSOnly() {
		s.Remarks = append(slices.Clone(s.Remarks), "an OS-only runtime: Lambda does not run "+managed.ExecWrapper+" there. Put "+self+
			" in front of the program in your bootstrap; shown is what "+self+" "+p.Argv[0]+" would do. Another command goes behind --")
	}
	return s
}

// alone is the target as a container image, or a command without a runtime.
func (t target) alone(mounts []mount) Subject {
	root := t.root(mounts)
	managed.AddBase(root, t.arch)
	f := t.function()
	p := inject.Process{Argv: t.command, Env: managed.Image(f)}
	for _, word := range p.Argv {
		managed.AddProgram(root, word, t.arch, p.Env)
		if path.Base(word) != "env" && !strings.Contains(word, "=") {
			break
		}
	}
	f.Env = nil
	return t.subject(root, p, managed.Image(f))
}

// function is the target as package managed wants it.
func (t target) function() managed.Function {
	return managed.Function{Handler: t.handler, Memory: t.memory, Arch: t.arch, Env: t.env}
}

// subject is the target, with the process p in the file system root.
func (t target) subject(root fs.FS, p inject.Process, platform inject.Env) Subject {
	dir := t.dir
	if dir == "" {
		dir = "/var/task"
	}
	return Subject{
		Name: t.name, Line: t.line, Process: p, Platform: platform, Root: root, Arch: t.arch, Dir: dir,
		Unknown: t.unknown, AnyUnknown: t.anyUnknown, Open: t.open, Stops: t.stops, Remarks: t.remarks,
	}
}
