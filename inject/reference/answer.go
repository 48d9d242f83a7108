package reference

import "github.com/graft-lambda/graft/inject/fragment"

// Below begins a question for all parameters below a path of Parameter Store,
// which follows.
const Below = "below:"

// An Answer is what became of a question: of a reference as it was written, or
// of [Below] and a path.
type Answer struct {
	// Value is the reference's value.
	Value string
	// Vars are the variables below a path.
	Vars []fragment.Var
	// Notes is what the owner should know besides.
	Notes []string
	// Problem is why there is no value; empty if there is one. It never holds a
	// value.
	Problem string
}
