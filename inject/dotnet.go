package inject

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// .NET loads startup hooks before Main, each as often as it is named, and ends
// with exit status 134 if one is missing; a profiler that cannot be loaded it
// leaves out without a word. So every file is looked at first.
var dotnet = language{
	name:    fragment.DotNet,
	program: func(base string) (fragment.Version, bool) { return fragment.Version{}, base == "dotnet" },
	script:  dotnetApp,
	handler: func(argv []string, first int) int {
		i := dotnetApp(argv, first)
		if i+1 < len(argv) && strings.HasSuffix(argv[i], ".dll") {
			return i + 1
		}
		return -1
	},
	vetArgs: vetDotnetArgs,
}

// dotnetRolls are the values of --roll-forward with which the runtime that is
// installed serves; with Disable it may not.
var dotnetRolls = set("LatestPatch", "Minor", "LatestMinor", "Major", "LatestMajor")

// vetDotnetArgs refuses options of the host that would keep .NET from starting
// the function. Each has its value in the next word. There is no --fx-version,
// since an image has one version of the framework, and no
// --roll-forward-on-no-candidate-fx, beside which the host bears no
// --roll-forward.
func vetDotnetArgs(c *check, args []string) error {
	for i := 0; i < len(args); i += 2 {
		name, value := args[i], ""
		if i+1 < len(args) {
			value = args[i+1]
		}
		switch why := ""; name {
		case "--roll-forward", "--additionalprobingpath", "--additional-deps":
			switch roll := name == "--roll-forward"; {
			case value == "":
				return fmt.Errorf("%s: %w", name, errNoValue)
			case roll && !dotnetRolls[value]:
				why = "takes LatestPatch, Minor, LatestMinor, Major or LatestMajor only"
			case !roll && (!path.IsAbs(value) || !c.exists(value)):
				why = "needs an absolute path that is there"
			}
			if why != "" {
				return fmt.Errorf("%s: %s", name, why)
			}
		default:
			if !strings.HasPrefix(name, "-") && name != "exec" {
				// The search for the script says what is amiss.
				return nil
			}
			return fmt.Errorf("%s: would keep .NET from starting the function", shortOption(name))
		}
	}
	return nil
}

const (
	startupHooks   = "DOTNET_STARTUP_HOOKS"
	additionalDeps = "DOTNET_ADDITIONAL_DEPS"
	sharedStore    = "DOTNET_SHARED_STORE"

	profilerOn   = "CORECLR_ENABLE_PROFILING"
	profilerID   = "CORECLR_PROFILER"
	profilerPath = "CORECLR_PROFILER_PATH"
)

// profilerVars is the group that holds one profiler.
var profilerVars = []string{profilerOn, profilerID, profilerPath, profilerPath + "_64", profilerPath + "_32", profilerPath + "_ARM64"}

// dotnetApp returns the index of the assembly, behind "exec" and the host's
// options.
func dotnetApp(argv []string, first int) int {
	i := first
	if i < len(argv) && argv[i] == "exec" {
		i++
	}
	for i < len(argv) && strings.HasPrefix(argv[i], "-") {
		i++
		if i < len(argv) && !strings.HasPrefix(argv[i], "-") {
			i++
		}
	}
	return i
}

// profiler checks a fragment's profiler as one group.
func (c *check) profiler(group map[string]string) error {
	if group[profilerOn] != "1" || group[profilerID] == "" {
		return fmt.Errorf("half a profiler: %s=1, %s and a path belong together", profilerOn, profilerID)
	}
	if !isGUID(group[profilerID]) {
		return fmt.Errorf("%s: is no GUID in braces", profilerID)
	}
	special := map[string]string{"amd64": "_64", "arm64": "_ARM64"}[c.Arch]
	file := group[profilerPath+special]
	if file == "" {
		file = group[profilerPath]
	}
	if file == "" {
		return fmt.Errorf("half a profiler: no %s for %s", profilerPath, c.Arch)
	}
	return c.library(file)
}

func isGUID(s string) bool {
	if len(s) != 38 || s[0] != '{' || s[37] != '}' {
		return false
	}
	for i, r := range s[1:37] {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}

// profilerGroup collects the profiler variables that lookup knows.
func profilerGroup(lookup func(string) (string, bool)) map[string]string {
	group := make(map[string]string)
	for _, name := range profilerVars {
		if value, ok := lookup(name); ok {
			group[name] = value
		}
	}
	return group
}

// joinProfiler adds the fragment's profiler to the plan, unless there is one.
func (p *planner) joinProfiler(f fragment.Fragment, c *check) ([]fragment.Var, error) {
	group := profilerGroup(f.Lookup)
	if len(group) == 0 {
		return nil, nil
	}
	if err := c.profiler(group); err != nil {
		return nil, err
	}
	switch owner := profilerGroup(p.process.Env.Lookup); {
	case maps.Equal(owner, group), maps.Equal(p.profiler, group):
		return nil, nil
	case len(owner) > 0:
		return nil, errors.New("the function has a profiler of its own (CORECLR_*), and .NET takes one")
	case len(p.profiler) > 0:
		return nil, errors.New("an earlier agent has brought a profiler (CORECLR_*), and .NET takes one")
	}
	var vars []fragment.Var
	for _, v := range f.Vars {
		if slices.Contains(profilerVars, v.Name) {
			vars = append(vars, v)
		}
	}
	return vars, nil
}

// dotnetLists checks a fragment's hooks, deps and store: .NET ends with exit status
// 134, 139 or 140 if one of them is amiss.
func (c *check) dotnetLists(name string, items []string) error {
	for _, item := range items {
		if !path.IsAbs(item) {
			return fmt.Errorf("%s: %q is a relative path", name, item)
		}
		if name == startupHooks {
			if strings.Contains(item, ";") {
				return fmt.Errorf("%s: %q holds a \";\"", name, item)
			}
			if err := c.loadable(item); err != nil {
				return err
			}
		} else if !c.exists(item) {
			return fileFault(item, fragment.ErrNoFile)
		}
	}
	return nil
}
