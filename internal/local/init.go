package local

import (
	"context"
	"errors"
	"time"
)

// init starts all, in Lambda's order, and returns when all are ready: the
// external extensions, one after the other without waiting for them; when
// each of them has registered the runtime; when that asks for its first event,
// or for the restore, the registration is closed; and then every extension that
// has registered, internal ones too and whatever it asked for, must be in its
// next.
//
// The error is a fault, that of ctx, or says what kept the runtime from being
// started. What has been started goes on until end.
func (g *generation) init(ctx context.Context) error {
	g.mu.Lock()
	for _, name := range g.stage.extensions {
		g.agents = append(g.agents, newAgent(name, true))
	}
	external := g.agents
	g.mu.Unlock()
	for i, a := range external {
		if err := g.launch(i, a); err != nil {
			return err
		}
	}
	if err := g.reach(ctx, func() bool { return all(external, registered) }); err != nil {
		return err
	}
	err := g.startRuntime()
	if err == nil {
		err = g.reach(ctx, func() bool { return g.state == ready || g.state == restoreReady })
	}
	if err == nil {
		g.runtimeReady = time.Now()
	}
	if err := g.initRuntimeDone(err); err != nil {
		return err
	}
	return g.reach(ctx, func() bool { return all(g.agents, agentReady) })
}

// all tells whether all agents have come as far as state. Where one has
// failed, that is up to the end of its process.
func all(agents []*agent, state agentState) bool {
	for _, a := range agents {
		if a.state != state && !(state == registered && a.state == agentReady) {
			return false
		}
	}
	return true
}

// launch starts the external extension a, the i-th.
func (g *generation) launch(i int, a *agent) error {
	launchError := func(message string, cause error) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		a.move(agentLaunchError)
		a.errorType = "Extension.LaunchError"
		g.fail(&fault{errorType: "Extension.LaunchError", message: message, exit: &Exit{Code: -1}, cause: cause})
		return g.fault
	}
	if i >= maxAgents {
		return launchError("ErrTooManyExtensions", nil)
	}
	sp := spec{command: []string{extensionsDir + "/" + a.name}, env: agentEnviron(g.env), dir: "/", each: g.extensionLines()}
	if g.function.ExtensionOutput != nil {
		w := g.function.ExtensionOutput(a.name)
		sp.stdout, sp.stderr = w, w
	}
	g.mu.Lock()
	a.began = time.Now()
	g.mu.Unlock()
	p, err := g.stage.start(sp)
	if err != nil {
		return launchError(err.Error(), err)
	}
	g.mu.Lock()
	a.process = p
	g.mu.Unlock()
	go g.watch(p, a)
	return nil
}

func (g *generation) startRuntime() error {
	sp := g.function.process(g.env)
	sp.each = g.functionLines()
	g.runtimeBegan = time.Now()
	p, err := g.stage.start(sp)
	if err != nil {
		err = initError(err)
		var named *InitError
		if errors.As(err, &named) {
			return &fault{errorType: named.Type, message: named.Message, exit: &Exit{Code: -1}, cause: named.Err}
		}
		return err
	}
	g.mu.Lock()
	g.process = p
	g.mu.Unlock()
	go g.watch(p, nil)
	return nil
}
