package inject

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// RunDir holds the one-line files "#!/opt/graft", named as the runtimes'
// programs, through which several foreign wrappers run one after another.
const RunDir = "/opt/graft-run"

// ChainVar carries the rest of a chain of wrappers to the next call of graft.
const ChainVar = "GRAFT_CHAIN"

// mergeWrappers orders the wrappers: the fragments', then the function's own.
func (p *planner) mergeWrappers() {
	wrappers := p.wrappers
	if next := p.settings.Next; next != "" {
		ck := &check{Machine: p.Machine, rt: p.rt, env: p.process.Env}
		if err := ck.executable(next); err != nil {
			p.plan.skip("GRAFT_NEXT", err.Error())
		} else {
			wrappers = append(wrappers, Wrapper{Path: next})
		}
	}
	for _, w := range wrappers {
		if why := p.repeated(w); why != "" {
			p.plan.skip(w.label(), why)
			continue
		}
		p.plan.Wrappers = append(p.plan.Wrappers, w)
	}
	if n := len(p.plan.Wrappers); n > 1 && p.runFile() == "" {
		for _, w := range p.plan.Wrappers[:n-1] {
			p.plan.skip(w.label(), fmt.Sprintf("%s: only one wrapper can run: there is no %s/%s", w.Path, RunDir, path.Base(p.process.Argv[0])))
		}
		p.plan.Wrappers = p.plan.Wrappers[n-1:]
	}
}

func (w Wrapper) label() string {
	if w.Agent == "" {
		return "GRAFT_NEXT"
	}
	return w.Agent
}

// repeated says why a wrapper must not run: it is graft itself, or it runs
// already.
func (p *planner) repeated(w Wrapper) string {
	if p.sameFile(w.Path, p.Self) {
		return w.Path + ": is graft itself"
	}
	for _, other := range p.plan.Wrappers {
		if p.sameFile(w.Path, other.Path) {
			return w.Path + ": runs already"
		}
	}
	return ""
}

func (p *planner) sameFile(a, b string) bool {
	if path.Clean(a) == path.Clean(b) {
		return true
	}
	ai, err := fs.Stat(p.Root, fragment.Rel(a))
	if err != nil {
		return false
	}
	bi, err := fs.Stat(p.Root, fragment.Rel(b))
	return err == nil && os.SameFile(ai, bi)
}

// runFile returns the file in RunDir that stands for the process's program;
// empty if there is none.
func (p *planner) runFile() string {
	file := RunDir + "/" + path.Base(p.process.Argv[0])
	if info, err := fs.Stat(p.Root, fragment.Rel(file)); err != nil || info.Mode()&0o111 == 0 {
		return ""
	}
	return file
}

// A Chain is what is left to run: wrappers, then the program.
type Chain struct {
	// PID is the process that the chain belongs to.
	PID      int
	Program  string
	Wrappers []string
}

// String encodes the chain for ChainVar.
func (c Chain) String() string {
	return strings.Join(append([]string{strconv.Itoa(c.PID), c.Program}, c.Wrappers...), "\n")
}

// ParseChain decodes the value of ChainVar.
func ParseChain(s string) (Chain, error) {
	parts := strings.Split(s, "\n")
	pid, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 2 || parts[1] == "" {
		return Chain{}, fmt.Errorf("%s: is not what graft writes", ChainVar)
	}
	return Chain{PID: pid, Program: parts[1], Wrappers: parts[2:]}, nil
}

// Step returns the command that runs next in a chain: the next wrapper with
// the rest of the chain behind it, or the program itself. args are the
// program's arguments. rest is what remains if that command cannot be started.
func (c Chain) Step(args []string, env Env) (command Process, rest Chain) {
	env = env.Without(ChainVar)
	if len(c.Wrappers) == 0 {
		return Process{append([]string{c.Program}, args...), env}, c
	}
	wrapper := c.Wrappers[0]
	rest = Chain{c.PID, c.Program, c.Wrappers[1:]}
	program := c.Program
	if len(rest.Wrappers) > 0 {
		program = RunDir + "/" + path.Base(c.Program)
		env = env.With(ChainVar, rest.String())
	}
	return Process{append([]string{wrapper, program}, args...), env}, rest
}
