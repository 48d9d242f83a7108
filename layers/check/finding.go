package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/show"
	"github.com/graft-lambda/graft/layers"
)

// A Finding is one mistake at one place.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Path is the layer or template as it was given, and the file in it.
	Path string `json:"path"`
	// Line is from 1; 0 if the finding is about the whole file.
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// A Report is what a check found.
type Report struct {
	// Files is how many files were looked at.
	Files    int       `json:"files"`
	Findings []Finding `json:"findings"`
}

// Count returns how many errors and warnings there are.
func (r Report) Count() (errors, warnings int) {
	for _, f := range r.Findings {
		if f.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// Without leaves out the findings with these codes.
func (r Report) Without(codes ...string) Report {
	r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return slices.Contains(codes, f.Code) })
	return r
}

// findings gathers what a check finds.
type findings []Finding

// maxMessage bounds what a finding says, in bytes: names can be as long as a
// file.
const maxMessage = 1000

// maxPath bounds where a finding is, in bytes: a path that Linux can hold below
// a layer's. The names in a zip may be longer.
const maxPath = 2 * layers.MaxTarget

// add notes a finding. The text may come from a hostile file: it becomes one
// line without control characters.
func (fs *findings) add(code, path string, line int, format string, args ...any) {
	r := rule(code)
	message := fmt.Sprintf(format, args...)
	*fs = append(*fs, Finding{
		Code: code, Severity: r.Severity, Path: cut(path, maxPath), Line: line,
		Message: cut(message, maxMessage), Fix: r.Remedy,
	})
}

// cut makes one line of text that is not much longer than most bytes.
func cut(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return show.Line(text)
}

// mostAlike is how many findings of one kind in one layer are told one by one.
const mostAlike = 10

// sorted returns the findings by place, each once, with no more than mostAlike
// of a kind for each source: the paths that findings begin with.
func (fs findings) sorted(sources []string) []Finding {
	for i, s := range sources {
		sources[i] = show.Line(s)
	}
	all := slices.Clone(fs)
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(sourceOf(a, sources), sourceOf(b, sources)),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	all = slices.Compact(all)
	type kind struct {
		code   string
		source int
	}
	seen, last := map[kind]int{}, map[kind]int{}
	out := []Finding{}
	for _, f := range all {
		k := kind{f.Code, sourceOf(f, sources)}
		seen[k]++
		if seen[k] <= mostAlike {
			last[k] = len(out)
			out = append(out, f)
		}
	}
	for k, n := range seen {
		if n > mostAlike {
			out[last[k]].Message += fmt.Sprintf(" (and %d more like this)", n-mostAlike)
		}
	}
	return out
}

// sourceOf is the index of the path that a finding is below; the longest, if
// one lies in another.
func sourceOf(f Finding, sources []string) int {
	best := len(sources)
	for i, s := range sources {
		if (f.Path == s || strings.HasPrefix(f.Path, s+"/")) && (best == len(sources) || len(s) > len(sources[best])) {
			best = i
		}
	}
	return best
}
