package check

import (
	"regexp"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/template"
)

// dynamic begins what CloudFormation looks up when it deploys.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
const dynamic = "{{resolve:"

// known reports whether a value is what the function will have.
func known(v template.Value) bool { return v.Known() && !strings.Contains(v.Text, dynamic) }

var digits = regexp.MustCompile(`[0-9]+`)

// shape is the name of a runtime without its version.
func shape(name string) string { return digits.ReplaceAllString(name, "N") }

// maxRuntime is longer than any runtime's name, in bytes.
const maxRuntime = 64

// runtime returns the runtime of a function, if it is known. One that Lambda
// does not have is a finding.
func (t *templateCheck) runtime(f template.Function) (managed.Runtime, bool) {
	name := f.Runtime.Text
	rt, ok := managed.Find(name)
	if ok || !known(f.Runtime) {
		return rt, ok
	}
	if len(name) > maxRuntime {
		name = name[:maxRuntime] + "…"
	}
	code, hint := "runtime-invalid", ""
	var names []string
	for _, r := range managed.Runtimes {
		names = append(names, r.Name)
		if shape(r.Name) == shape(name) {
			code = "runtime-unknown"
		}
	}
	if best := Nearest(name, names); best != "" && code == "runtime-invalid" {
		hint = ": is " + best + " meant?"
	}
	if f.Runtime.From != "" {
		hint = ", " + f.Runtime.From + hint
	}
	t.found.add(code, t.name, f.Runtime.Line, "function %s: %q%s", f.ID, name, hint)
	return rt, false
}

// variables are the variables of a function.
func variables(env template.Environment) []variable {
	var list []variable
	for _, v := range env.Variables {
		text := v.Value.Text
		if reference.Is(v.Value.Outline) {
			text = v.Value.Outline
		}
		list = append(list, variable{
			Var:   fragment.Var{Name: v.Name, Value: text},
			line:  v.Value.Line,
			known: known(v.Value),
		})
	}
	return list
}
