package explain

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/graft-lambda/graft/internal/show"
)

// A Result is what graft would do to a function. Its JSON names are stable.
type Result struct {
	Function string `json:"function,omitempty"`
	// Line is where the template has the function.
	Line int `json:"line,omitempty"`
	// Error is why the function cannot be explained; then little else is set.
	Error string `json:"error,omitempty"`
	// Nested is set for a nested template, which Function and Line name: where it
	// is. Its functions are not explained; little else is set.
	Nested string `json:"nested,omitempty"`
	// Runtimes are those with this result; Before and After are of the last.
	Runtimes     []string `json:"runtimes"`
	Architecture string   `json:"architecture"`
	Language     string   `json:"language"`
	Version      string   `json:"version,omitempty"`
	// DoesNotStart is what keeps the function from starting, as it is.
	DoesNotStart []string `json:"doesNotStart"`
	// Disabled is set if GRAFT_DISABLE switches everything off.
	Disabled    bool     `json:"disabled"`
	Agents      []string `json:"agents"`
	Before      []string `json:"commandBefore"`
	After       []string `json:"commandAfter"`
	Environment []Change `json:"environment"`
	// References are the variables whose values are fetched before the start.
	References []Reference `json:"references"`
	Edits      []Edit      `json:"edits"`
	Wrappers   []Wrapper   `json:"wrappers"`
	// Skipped is what is left out and should not be. GRAFT_STRICT=1 stops at it,
	// but for what the companion would do.
	Skipped []Skip `json:"skipped"`
	// Unused are the fragments that do not concern this function.
	Unused  []Skip   `json:"unused"`
	Notes   []Skip   `json:"notes"`
	Remarks []string `json:"remarks"`
	Assumed string   `json:"assumed,omitempty"`
}

// A Change is a variable before and after; Before is nil if it was not set.
type Change struct {
	Name   string  `json:"name"`
	Before *string `json:"before"`
	After  string  `json:"after"`
}

// An Edit is one change that the plan makes.
type Edit struct {
	// Agent is empty for what graft does of itself, Fragment then too.
	Agent    string `json:"agent"`
	Fragment string `json:"fragment"`
	// Kind is set, prepend, append, insert, replace, remove, keep handler or
	// set handler.
	Kind string `json:"kind"`
	// Name is the variable or, for an argument that goes, the option.
	Name  string `json:"name,omitempty"`
	Added string `json:"added,omitempty"`
	// Text is the change as a sentence, Reason why it is made so.
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

// A Wrapper is another vendor's wrapper that runs behind graft.
type Wrapper struct {
	Agent string `json:"agent"`
	Path  string `json:"path"`
}

// A Skip is something about an agent, with the reason. Agent is empty if it is
// about graft's settings.
type Skip struct {
	Agent    string `json:"agent"`
	Fragment string `json:"fragment"`
	Reason   string `json:"reason"`
}

// complete puts empty lists in place of nil ones, for the JSON.
func (r Result) complete() Result {
	r.DoesNotStart, r.Before, r.After = some(r.DoesNotStart), some(r.Before), some(r.After)
	r.Runtimes, r.Agents, r.Environment, r.Edits = some(r.Runtimes), some(r.Agents), some(r.Environment), some(r.Edits)
	r.Wrappers, r.Skipped, r.Unused = some(r.Wrappers), some(r.Skipped), some(r.Unused)
	r.Notes, r.Remarks, r.References = some(r.Notes), some(r.Remarks), some(r.References)
	return r
}

// Group makes one result of those that say the same of several runtimes, with the
// command line of the last.
func Group(results []Result) []Result {
	var groups []Result
	index := make(map[string]int)
	for _, r := range results {
		key := r.key()
		i, ok := index[key]
		if !ok {
			index[key] = len(groups)
			groups = append(groups, r)
			continue
		}
		r.Runtimes = append(groups[i].Runtimes, r.Runtimes...)
		groups[i] = r
	}
	return groups
}

// key is the same for results that say the same.
func (r Result) key() string {
	r.Runtimes, r.Version, r.Before, r.After, r.Assumed = nil, "", nil, nil, ""
	r.Edits = slices.Clone(r.Edits)
	for i := range r.Edits {
		// It names a place in the command line, which may differ.
		r.Edits[i].Text = ""
	}
	// Plain data of this package: it can always be encoded.
	key, _ := json.Marshal(r)
	return string(key)
}

// JSON writes results for programs to read.
func JSON(w io.Writer, results []Result) error {
	return show.JSON(w, struct {
		Functions []Result `json:"functions"`
	}{some(results)})
}

// some makes an empty list of a nil one: JSON has [] for it, and not null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
