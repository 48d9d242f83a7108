package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/resolve"
	"github.com/graft-lambda/graft/internal/show"
)

// A Reference is a variable whose value graft fetches before the function
// starts.
type Reference struct {
	// Agent is empty for a variable of the function, Fragment then too.
	Agent    string `json:"agent"`
	Fragment string `json:"fragment"`
	Name     string `json:"name"`
	// Text names the variable and what it refers to.
	Text string `json:"text"`
}

// references are the uses that can be fetched.
func references(uses []inject.Use, files files) []Reference {
	var list []Reference
	for _, u := range uses {
		if _, err := reference.Parse(u.Reference); err == nil || !reference.Is(u.Reference) {
			list = append(list, Reference{u.Agent, files.of(u.Agent, u.Name), u.Name, u.String()})
		}
	}
	return list
}

// unresolved leaves references as they are: nobody is asked here. It has the
// wrapper's own words where there is nobody to ask.
func (s Subject) unresolved(_ inject.Env, questions []string, _ time.Duration) []reference.Answer {
	answers := make([]reference.Answer, len(questions))
	for i, q := range questions {
		switch {
		case !s.fetches():
			answers[i].Problem = resolve.ErrNotThere.Error()
		case !strings.HasPrefix(q, reference.Below):
			answers[i].Value = q
		}
	}
	return answers
}

// fetches reports whether there is, or may be, somebody to ask.
func (s Subject) fetches() bool {
	_, name, _ := strings.Cut(resolve.Program, "/opt/")
	return s.Open || executable(s.Root, name)
}

// references lists what is fetched.
func (p printer) references(list []Reference) {
	if len(list) > 0 {
		p.text(show.Bold, "  fetched before the start")
	}
	for _, r := range list {
		text := r.Text
		if r.Fragment != "" {
			text = fmt.Sprintf("%s, %s: %s", r.Agent, r.Fragment, strings.TrimPrefix(text, r.Agent+": "))
		}
		p.text("", "    %s", text)
	}
}
