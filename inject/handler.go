package inject

import (
	"errors"
	"fmt"
	"slices"

	"github.com/graft-lambda/graft/inject/fragment"
)

// findHandler looks where the handler stands: in the argument after the main
// class, the assembly or the runtime client's script, if there is one, and in
// _HANDLER.
func (p *planner) findHandler(fragments []fragment.Fragment) {
	if p.rt.Form == Interpreter {
		p.handlerAt = p.lang.handler(p.process.Argv, p.first())
	}
	if p.handlerAt >= 0 {
		p.handler = append(p.handler, p.process.Argv[p.handlerAt])
	}
	if h, ok := p.process.Env.Lookup(handlerVar); ok {
		p.handler = append(p.handler, h)
	}
	for _, f := range fragments {
		if h, ok := p.process.Env.Lookup(f.OriginalHandler); ok && f.OriginalHandler != "" {
			p.chained[h] = true
		}
	}
}

// redirect plans a fragment's _HANDLER. Agents chain: each one's variable
// holds what stood there before.
func (p *planner) redirect(f fragment.Fragment) ([]Edit, error) {
	target, ok := f.Lookup(handlerVar)
	if !ok {
		return nil, nil
	}
	if p.rt.Form == Script {
		return nil, p.leftToScript("handler")
	}
	if slices.Contains(p.handler, target) || p.chained[target] {
		return nil, nil
	}
	if len(p.handler) == 0 {
		return nil, errors.New("_HANDLER: the function has no handler to redirect")
	}
	_, set := p.process.Env.Lookup(f.OriginalHandler)
	_, kind := classify(f.OriginalHandler)
	given := func(v plainVar) bool { return v.Name == f.OriginalHandler }
	if set || kind != plain || p.handlerVars[f.OriginalHandler] || slices.ContainsFunc(p.plain, given) {
		return nil, fmt.Errorf("%s: is taken, it cannot receive the handler", f.OriginalHandler)
	}
	return []Edit{
		{Kind: KeepHandler, Agent: f.Name, Name: f.OriginalHandler, At: p.handlerAt},
		{Kind: SetHandler, Agent: f.Name, Name: handlerVar, Added: target, At: p.handlerAt},
	}, nil
}
