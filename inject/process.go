package inject

import (
	"slices"
	"strings"
)

// A Process is the argument vector and environment that a program is about to
// be started with. A Process is never modified in place.
type Process struct {
	Argv []string
	Env  Env
}

// Env is an environment as the kernel passes it: "NAME=value" entries, in
// order. Entries of another form are kept as they are.
type Env []string

// Lookup returns the value of name and whether it is set. If name occurs more
// than once the first entry counts, as it does for getenv(3).
func (e Env) Lookup(name string) (value string, ok bool) {
	if i := e.index(name); i >= 0 {
		return e[i][len(name)+1:], true
	}
	return "", false
}

// With returns a copy of e in which name has value: in place of its first
// entry, or at the end if name was not set.
func (e Env) With(name, value string) Env {
	c := make(Env, len(e), len(e)+1)
	copy(c, e)
	if i := c.index(name); i >= 0 {
		c[i] = name + "=" + value
		return c
	}
	return append(c, name+"="+value)
}

// Without returns a copy of e in which name is not set.
func (e Env) Without(name string) Env {
	return slices.DeleteFunc(slices.Clone(e), func(entry string) bool {
		return strings.HasPrefix(entry, name) && strings.HasPrefix(entry[len(name):], "=")
	})
}

func (e Env) index(name string) int {
	for i, entry := range e {
		if len(entry) > len(name) && entry[len(name)] == '=' && entry[:len(name)] == name {
			return i
		}
	}
	return -1
}
