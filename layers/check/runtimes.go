package check

import (
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/rootfs"
)

// hasProgram reports whether env finds a program in a runtime.
func hasProgram(rt managed.Runtime, program string) bool {
	of := map[string]fragment.Language{
		"java": fragment.Java, "node": fragment.NodeJS, "dotnet": fragment.DotNet, "ruby": fragment.Ruby,
		"python": fragment.Python, "python3": fragment.Python,
	}
	switch {
	case strings.HasPrefix(program, "python3."):
		return program == rt.Name
	case of[program] == "":
		return true // it may be part of the system
	}
	return of[program] == rt.Language
}

// isFor reports whether the fragment counts in a runtime.
func isFor(f fragment.Fragment, rt managed.Runtime) bool {
	_, version, err := fragment.ParseRuntime(rt.Name)
	return err == nil && (len(f.Runtimes) == 0 || slices.ContainsFunc(f.Runtimes, func(b fragment.Bound) bool {
		return b.Language == rt.Language && b.Holds(version)
	}))
}

// skips plans fragments for a runtime, and returns what graft leaves out.
func skips(r *root, rt managed.Runtime, arch string, vars []fragment.Var, list []fragment.Fragment) []inject.Skip {
	fsys := rootfs.New()
	rt.AddFiles(fsys, arch)
	fsys.Mount("/", r)
	env := []string{managed.ExecWrapper + "=/opt/graft"}
	for _, v := range vars {
		env = append(env, v.Name+"="+v.Value)
	}
	p := rt.Process(managed.Function{Handler: rt.Handler(), Arch: arch, Env: env})
	settings, _ := fragment.ParseSettings(p.Env.Lookup)
	settings.Next = "" // the function's own wrapper may lie in its code
	m := inject.Machine{Root: fsys, Dir: "/var/task", Arch: arch, Self: "/opt/graft"}
	return inject.New(p, list, settings, inject.Detect(p, settings, m), m).Skips
}
