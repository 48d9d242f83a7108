package inject

// mergePlain sets the plain variables that the function lacks; of two
// fragments the later wins.
func (p *planner) mergePlain() {
	latest := make(map[string]int, len(p.plain))
	for i, v := range p.plain {
		latest[v.Name] = i
	}
	for i, v := range p.plain {
		if latest[v.Name] != i {
			continue
		}
		old, set := p.process.Env.Lookup(v.Name)
		switch {
		case set && old == v.Value:
		case set && !ManagedDefault(v.Name, old):
			p.plan.note(v.agent, v.Name+" is set already and stays")
		default:
			p.edit(Edit{Kind: SetVariable, Agent: v.agent, Name: v.Name, Added: v.Value})
		}
	}
}
