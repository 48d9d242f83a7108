package explain

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/rootfs"
	"github.com/graft-lambda/graft/layers"
)

// Options say which functions to explain.
type Options struct {
	// Runtime is Lambda's name of a runtime, "all", or empty.
	Runtime string
	// Layers are folders and zips that look like /opt, in stack order; those of
	// a template come before them.
	Layers []string
	// Code is the folder or zip at /var/task; empty for none.
	Code string
	// Env are variables of the function, NAME=value.
	Env     []string
	Handler string
	// Arch is amd64, arm64 or empty.
	Arch string
	// Template is a SAM or CloudFormation template, Function the logical id of
	// one of its functions; empty means all of them.
	Template, Function string
	// Command is the program to start with its arguments, in place of the
	// runtime's own.
	Command []string
}

// A UsageError is options that make no sense.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

func usage(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// All explains every function that the options name. Those of `--runtime all`
// with the same result are one.
func All(o Options) ([]Result, error) {
	targets, err := o.targets()
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, t := range targets {
		list, err := t.explain()
		if err != nil {
			return nil, err
		}
		results = append(results, list...)
	}
	return Group(results), nil
}

// A target is a function as it is configured.
type target struct {
	name     string
	runtimes []managed.Runtime // none for an image, or a command alone
	layers   []string
	code     string
	env      []string
	handler  string
	memory   int
	arch     string
	command  []string
	dir      string
	image    bool
	remarks  []string
	// open is set if not all layers are known.
	open bool
}

// targets lists what the options name.
func (o Options) targets() ([]target, error) {
	if o.Template != "" {
		return o.fromTemplate()
	}
	t := target{layers: o.Layers, code: o.Code, env: o.Env, handler: o.Handler, arch: o.Arch, command: o.Command}
	if o.Function != "" {
		return nil, usage("--function %s: of which --template?", o.Function)
	}
	var err error
	if t.runtimes, err = runtimes(o.Runtime); err != nil {
		return nil, err
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

// runtimes returns the runtimes that a name stands for.
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
		return nil, usage("--runtime: %q is not one of %s, all", name, strings.Join(names, ", "))
	}
	return []managed.Runtime{rt}, nil
}

// explain explains a target for each of its runtimes.
func (t target) explain() ([]Result, error) {
	if t.arch == "" {
		t.arch = "amd64"
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
	if len(t.runtimes) == 0 {
		r := Explain(t.alone(mounts))
		if r.Version == "" && r.Language != string(fragment.Other) {
			r.Remarks = append(r.Remarks, "the version of the runtime is not known here; graft will read it from the image's files. --env GRAFT_RUNTIME=nodejs22 would tell it")
		}
		return []Result{r}, nil
	}
	var results []Result
	for _, rt := range t.runtimes {
		results = append(results, Explain(t.on(rt, mounts)))
	}
	return results, nil
}

// on is the target on a runtime.
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
	s.Runtime, s.Assumed = rt.Name, rt.Assumed
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

func (t target) function() managed.Function {
	return managed.Function{Handler: t.handler, Memory: t.memory, Arch: t.arch, Env: t.env}
}

func (t target) subject(root fs.FS, p inject.Process, platform inject.Env) Subject {
	dir := t.dir
	if dir == "" {
		dir = "/var/task"
	}
	return Subject{Name: t.name, Process: p, Platform: platform, Root: root, Arch: t.arch, Dir: dir, Remarks: t.remarks}
}

// mount is an open layer, or the code, and where it goes.
type mount struct {
	at   string
	fsys fs.FS
}

// openAll opens layers and code. What it returns is to be closed, on an error
// too.
func (t *target) openAll() (mounts []mount, closers []io.Closer, err error) {
	brings := t.open
	for _, file := range t.layers {
		fsys, c, err := rootfs.OpenPath(file)
		if err != nil {
			return nil, closers, fmt.Errorf("layer: %w", bare(file, err))
		}
		closers = append(closers, c)
		mounts = append(mounts, mount{"/opt", fsys})
		if _, err := fs.Stat(fsys, "graft"); err == nil {
			brings = true
		}
	}
	if t.name != "" && !brings && !t.image {
		t.remarks = append(t.remarks, "no layer of the function has "+self+": shown is what it would do if one had, as layers made by graft build do")
	}
	if t.code != "" {
		fsys, c, err := rootfs.OpenPath(t.code)
		if err != nil {
			return nil, closers, fmt.Errorf("code: %w", bare(t.code, err))
		}
		closers = append(closers, c)
		mounts = append(mounts, mount{"/var/task", fsys})
	}
	return mounts, closers, nil
}

// bare is an error of a file with its path, once.
func bare(file string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", file, fragment.Cause(err))
	}
	return err
}

// root puts together what the function finds at /opt and /var/task. graft's own
// files are there even if no layer has them yet: graft build adds them.
func (t target) root(mounts []mount) *rootfs.FS {
	root := rootfs.New()
	root.AddFile(self, 0o755, nil)
	for _, f := range layers.BaseFiles() {
		root.AddFile("/opt/"+f.Name, f.Mode, f.Data)
	}
	for _, m := range mounts {
		root.Mount(m.at, m.fsys)
	}
	return root
}
