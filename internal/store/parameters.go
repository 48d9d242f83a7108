package store

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/graft-lambda/graft/inject/reference"
)

// maxParameters is how many names GetParameters takes.
const maxParameters = 10

// A named is a parameter and the name that it is asked for by.
type named struct {
	thing
	name string
}

// query is what GetParameters calls it.
func (n named) query() string {
	if n.selector != "" {
		return n.name + ":" + n.selector
	}
	return n.name
}

// is reports whether p is what n asks for. A version is not looked at: no call
// asks for two of one parameter.
func (n named) is(p types.Parameter) bool {
	return n.name == aws.ToString(p.Name) || n.name == aws.ToString(p.ARN)
}

// path is the parameter's name, also if it is asked for by its ARN.
func (n named) path() string {
	if _, path, ok := strings.Cut(n.name, ":parameter/"); ok && reference.IsARN(n.name) {
		return "/" + path
	}
	return n.name
}

// parameters fetches the parameters of one place.
func (f *fetch) parameters(p place, things []thing) {
	wanted := make([]named, len(things))
	for i, t := range things {
		wanted[i] = named{t, t.id}
	}
	l := newLane(&f.services, parallel)
	for _, batch := range batches(wanted, maxParameters, named.path) {
		f.call(l, func() { f.getParameters(l, p, batch) })
	}
}

// getParameters fetches at most maxParameters in one call.
func (f *fetch) getParameters(l lane, p place, batch []named) {
	names := make([]string, len(batch))
	for i, n := range batch {
		names[i] = n.query()
	}
	r := newRetries(f.ctx)
	out, err := f.clients.Parameters(p.region, p.role).GetParameters(f.ctx,
		&ssm.GetParametersInput{Names: names, WithDecryption: aws.Bool(true)},
		func(o *ssm.Options) { o.Retryer = r })
	if err != nil {
		// One name that may not be read, or is none, must not cost the others.
		if len(batch) > 1 && failureOf(err).blamesOne() {
			for _, n := range batch {
				f.call(l, func() { f.getParameters(l, p, []named{n}) })
			}
			return
		}
		why := f.problem(err, r, f.about(batch[0].thing))
		for _, n := range batch {
			f.settle(n.thing, found{problem: why})
		}
		return
	}
	var again []named
	for _, n := range batch {
		i := slices.IndexFunc(out.Parameters, n.is)
		switch bare, slashed := strings.CutPrefix(n.name, "/"); {
		case i >= 0:
			f.settle(n.thing, parameterText(out.Parameters[i]))
		case slashed && !strings.Contains(bare, "/"):
			// References always have the slash; a parameter without a path has none.
			again = append(again, named{n.thing, bare})
		default:
			f.settle(n.thing, found{problem: explain("ParameterNotFound", f.about(n.thing))})
		}
	}
	if len(again) > 0 {
		f.call(l, func() { f.getParameters(l, p, again) })
	}
}

func parameterText(p types.Parameter) found {
	if p.Value == nil {
		return found{problem: noValue}
	}
	return found{text: *p.Value}
}

// noValue is the problem of an answer without what it should hold.
const noValue = "has no value"

// batches splits things into groups of at most size. No group has two of the
// same name: the services refuse that.
func batches[T any](all []T, size int, name func(T) string) [][]T {
	var groups [][]T
	var names []map[string]bool
	open := 0
	for _, t := range all {
		i := open
		for i < len(groups) && (len(groups[i]) == size || names[i][name(t)]) {
			i++
		}
		if i == len(groups) {
			groups = append(groups, nil)
			names = append(names, make(map[string]bool))
		}
		groups[i] = append(groups[i], t)
		names[i][name(t)] = true
		for open < len(groups) && len(groups[open]) == size {
			open++
		}
	}
	return groups
}
