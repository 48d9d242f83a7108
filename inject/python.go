package inject

import (
	"fmt"
	"path"
	"slices"

	"github.com/graft-lambda/graft/inject/fragment"
)

// Python agents load by PYTHONPATH. Python itself runs only the first
// sitecustomize on that path, and the managed runtime leaves the layers'
// folders out as soon as the variable is set at all
// (https://github.com/open-telemetry/opentelemetry-lambda/issues/655). So
// graft puts a runner in front that runs every sitecustomize and, where the
// owner set no PYTHONPATH, takes the variable out of os.environ again; and it
// adds what the runtime would have added, for agents that import the handler.
var python = language{
	name: fragment.Python,
	program: func(base string) (fragment.Version, bool) {
		v, ok := named(base, "python")
		if !precise(v) {
			// "python3" says nothing: what counts is the minor number.
			v = fragment.Version{}
		}
		return v, ok
	},
	script:  pythonScript,
	handler: pythonHandler,
	vetArgs: vetPythonArgs,
	plan:    planPython,
}

const (
	pythonPath = "PYTHONPATH"
	// pythonUnset tells the runner that the owner set no PYTHONPATH.
	pythonUnset = "GRAFT_PYTHONPATH"
	// pythonRunner is the folder of the runner's sitecustomize.py.
	pythonRunner = "/opt/graft-python"
)

// planPython lays out PYTHONPATH: the runner, the owner's, the agents', the
// runtime's own, the task root.
func planPython(p *planner) {
	agents := p.lists[pythonPath]
	delete(p.lists, pythonPath)
	owner, set := p.process.Env.Lookup(pythonPath)
	if _, ours := p.process.Env.Lookup(pythonUnset); ours {
		set = false
	}
	there := newPathSet(splitList(pythonPath, owner))
	var last, added []listItem
	add := func(item listItem) {
		if there.add(item.text) {
			added = append(added, item)
		}
	}
	for _, item := range agents {
		if p.isTaskRoot(item.text) {
			last = append(last, item)
			continue
		}
		add(item)
	}
	if len(agents) == 0 {
		return
	}
	managed := p.rt.Form == Interpreter && slices.Contains(p.process.Argv[p.first():], "/var/runtime/bootstrap.py")
	if managed && !set {
		for _, dir := range p.bootstrapPath() {
			if p.exists(dir) {
				add(listItem{text: dir, why: "the runtime leaves it out when PYTHONPATH is set"})
			}
		}
	}
	for _, item := range last {
		add(item)
	}
	runner := there.add(pythonRunner)
	if runner && !p.isFile(pythonRunner+"/sitecustomize.py") {
		p.plan.Skips = append(p.plan.Skips, Skip{Why: pythonRunner + "/sitecustomize.py: no such file; only the first agent's sitecustomize will run"})
		runner = false
	}
	if runner {
		p.edit(Edit{Kind: PrependVariable, Name: pythonPath, Added: pythonRunner, sep: ':', Why: "runs every agent's sitecustomize"})
	}
	p.append(pythonPath, added)
	if _, marked := p.process.Env.Lookup(pythonUnset); !set && runner && !marked {
		p.edit(Edit{Kind: SetVariable, Name: pythonUnset, Added: "unset", Why: "the function set no PYTHONPATH"})
	}
}

// isTaskRoot reports whether dir is the folder of the function's own code.
func (p *planner) isTaskRoot(dir string) bool {
	root, ok := p.process.Env.Lookup("LAMBDA_TASK_ROOT")
	if !ok {
		root = "/var/task"
	}
	return path.Clean(dir) == path.Clean(root)
}

// bootstrapPath lists what the managed bootstrap.py adds to sys.path by itself
// when PYTHONPATH is not set.
func (p *planner) bootstrapPath() []string {
	var dirs []string
	if v := p.rt.Version; precise(v) {
		dirs = append(dirs, fmt.Sprintf("/opt/python/lib/python%d.%d/site-packages", v.Major, v.Minor))
	}
	dirs = append(dirs, "/opt/python")
	if dir, _ := p.process.Env.Lookup("LAMBDA_RUNTIME_DIR"); path.IsAbs(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}
