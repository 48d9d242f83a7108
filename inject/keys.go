package inject

import "strings"

// A keyValue is one key of OTEL_RESOURCE_ATTRIBUTES.
type keyValue struct {
	agent, key, text string
}

const resourceAttributes = "OTEL_RESOURCE_ATTRIBUTES"

// splitKeys takes key=value,key=value apart.
func splitKeys(agent, value string) []keyValue {
	var keys []keyValue
	for text := range strings.SplitSeq(value, ",") {
		text = strings.TrimSpace(text)
		if key, _, ok := strings.Cut(text, "="); ok {
			keys = append(keys, keyValue{agent, strings.TrimSpace(key), text})
		}
	}
	return keys
}

func (p *planner) addKeys(agent, value string) {
	p.keys = append(p.keys, splitKeys(agent, value)...)
}

// mergeKeys adds the keys that the owner's text lacks; of two fragments the
// later wins a key.
func (p *planner) mergeKeys() {
	value, _ := p.process.Env.Lookup(resourceAttributes)
	owner, latest := make(map[string]string), make(map[string]int)
	for _, o := range splitKeys("", value) {
		owner[o.key] = o.text
	}
	for i, k := range p.keys {
		latest[k.key] = i
	}
	for i, k := range p.keys {
		if latest[k.key] != i {
			continue
		}
		if theirs, there := owner[k.key]; there {
			if theirs != k.text {
				p.plan.note(k.agent, resourceAttributes+": "+k.key+" gives way to the function's own")
			}
			continue
		}
		p.edit(Edit{Kind: AppendVariable, Agent: k.agent, Name: resourceAttributes, Added: k.text, sep: ','})
	}
}
