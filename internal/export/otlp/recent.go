package otlp

import (
	"maps"
	"slices"
)

// openRequests bounds how many invocations are followed at once. Managed
// Instances run some dozens in one environment.
const openRequests = 256

// recent is a map that forgets its oldest keys.
type recent[V any] struct {
	keys   []string
	values map[string]V
}

func (r recent[V]) clone() recent[V] {
	return recent[V]{slices.Clone(r.keys), maps.Clone(r.values)}
}

func (r *recent[V]) put(key string, value V) {
	if r.values == nil {
		r.values = map[string]V{}
	}
	if _, has := r.values[key]; !has {
		r.keys = append(r.keys, key)
	}
	r.values[key] = value
	if len(r.keys) > openRequests {
		delete(r.values, r.keys[0])
		r.keys = r.keys[1:]
	}
}

func (r *recent[V]) delete(key string) {
	if _, has := r.values[key]; has {
		delete(r.values, key)
		r.keys = slices.DeleteFunc(r.keys, func(k string) bool { return k == key })
	}
}
