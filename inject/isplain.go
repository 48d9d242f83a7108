package inject

// IsPlain reports whether a fragment's variable name is a plain default: no
// option string, no list, and nothing else that graft merges by a grammar.
func IsPlain(name string) bool {
	_, kind := classify(name)
	return kind == plain
}
