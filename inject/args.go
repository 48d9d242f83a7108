package inject

import (
	"errors"
	"fmt"
	"slices"

	"github.com/graft-lambda/graft/inject/fragment"
)

// readArgs checks GRAFT_ARGS. For a runtime whose options graft knows they are
// options that stand in the command line: they are merged as all others are.
func (p *planner) readArgs(c *check) ([]option, error) {
	args := c.frag.Args
	if len(args) == 0 {
		return nil, nil
	}
	if p.rt.Form == Script || p.rt.Form == Binary && p.rt.Language != fragment.Other {
		return nil, errors.New("GRAFT_ARGS: the program is not the runtime itself")
	}
	var opts []option
	if g := p.lang.options; g != nil {
		opts = g.read(asWords(args))
		for i := range opts {
			opts[i].argv = true
			if err := g.vet(c, &opts[i]); err != nil {
				return nil, fmt.Errorf("GRAFT_ARGS: %w", err)
			}
		}
	}
	if p.lang.vetArgs != nil {
		if err := p.lang.vetArgs(c, args); err != nil {
			return nil, fmt.Errorf("GRAFT_ARGS: %w", err)
		}
	}
	if p.rt.Language == fragment.Other {
		return nil, nil
	}
	// The runtime must find the same script behind them.
	if end := p.lang.script(args, 0); end < len(args) {
		return nil, fmt.Errorf("GRAFT_ARGS: %s: would stand in the script's place", shortOption(args[end]))
	}
	if p.lang.script(append(slices.Clone(args), "script"), 0) > len(args) {
		return nil, fmt.Errorf("GRAFT_ARGS: %s: %w", shortOption(args[len(args)-1]), errNoValue)
	}
	return opts, nil
}

// addArgs puts GRAFT_ARGS behind the interpreter's own arguments, unless they
// stand there already.
func (p *planner) addArgs(agent string, args []string) {
	if len(args) == 0 || containsRun(p.process.Argv[p.first():], args) {
		return
	}
	at := p.lang.script(p.process.Argv, p.first())
	for _, a := range args {
		p.args = append(p.args, Edit{Kind: InsertArgument, Agent: agent, At: at, Added: a})
	}
}

// containsRun reports whether run stands in list, in one piece.
func containsRun(list, run []string) bool {
	for i := 0; i+len(run) <= len(list); i++ {
		if slices.Equal(list[i:i+len(run)], run) {
			return true
		}
	}
	return false
}
