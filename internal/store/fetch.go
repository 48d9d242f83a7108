package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/graft-lambda/graft/inject/reference"
)

// A thing is fetched once, however many questions are about it.
type thing struct {
	source reference.Source
	id     string
	place
	selector, version, stage string
}

// A found is the text of a thing, or why there is none.
type found struct{ text, problem string }

// A fetch is everything that is fetched for one set of questions.
type fetch struct {
	ctx     context.Context
	limit   time.Duration
	clients Clients
	dir     string
	// What runs: the services' part begins with the clients, which are there when
	// opened is closed.
	files, services sync.WaitGroup
	opened          chan struct{}

	mu     sync.Mutex
	things map[thing]found
	below  map[string]reference.Answer
	// broken is the panic of a part. No value can be trusted after one.
	broken error
}

// Fetch answers questions: references as they were written, or
// [reference.Below] and a path. It returns when all is known, or when ctx ends:
// the problem of what is missing then is "no answer within" limit. open returns
// the clients; it is called once, and only if a question is about a service.
// Files are relative to the folder dir, if it is not empty.
//
// An error is a mistake of graft's own, and comes without answers.
func Fetch(ctx context.Context, questions []string, limit time.Duration, dir string, open func() (Clients, error)) ([]reference.Answer, error) {
	f := &fetch{
		ctx: ctx, limit: limit, dir: dir, opened: make(chan struct{}),
		things: make(map[thing]found),
		below:  make(map[string]reference.Answer),
	}
	answers := make([]reference.Answer, len(questions))
	parsed := make([]reference.Reference, len(questions))
	var things []thing
	var paths []string
	seen := make(map[any]bool)
	for i, q := range questions {
		if path, ok := strings.CutPrefix(q, reference.Below); ok {
			if !seen[path] {
				seen[path] = true
				paths = append(paths, path)
			}
			continue
		}
		r, err := reference.Parse(q)
		if err != nil {
			answers[i].Problem = err.Error()
			continue
		}
		parsed[i] = r
		if t := thingOf(r); !seen[t] {
			seen[t] = true
			things = append(things, t)
		}
	}
	f.start(things, paths, open)
	if err := f.wait(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, q := range questions {
		if answers[i].Problem != "" {
			continue
		}
		if path, ok := strings.CutPrefix(q, reference.Below); ok {
			a, known := f.below[path]
			if !known {
				a.Problem = f.late()
			}
			answers[i] = a
			continue
		}
		got, known := f.things[thingOf(parsed[i])]
		if !known {
			got.problem = f.late()
		}
		if got.problem == "" {
			got.text, got.problem = pick(got.text, parsed[i].Key)
		}
		answers[i].Value, answers[i].Problem = got.text, got.problem
	}
	return answers, f.broken
}

// thingOf returns what a reference refers to, whatever its key.
func thingOf(r reference.Reference) thing {
	return thing{r.Source, r.ID, place{r.Region, r.Role}, r.Selector, r.VersionID, r.Stage}
}

// start begins to fetch everything.
func (f *fetch) start(things []thing, paths []string, open func() (Clients, error)) {
	services := len(paths) > 0
	files := newLane(&f.files, parallelFiles)
	for _, t := range things {
		if t.source == reference.File {
			f.call(files, func() { f.file(t) })
		} else {
			services = true
		}
	}
	if !services {
		return
	}
	f.do(&f.services, func() {
		var err error
		f.clients, err = open()
		close(f.opened)
		parameters, secrets := make(map[place][]thing), make(map[place][]thing)
		for _, t := range things {
			switch why := f.unable(err, t.place); {
			case t.source == reference.File:
			case why != "":
				f.settle(t, found{problem: why})
			case t.source == reference.Parameter:
				// An ARN may name the region that is the function's own.
				p := place{f.clients.Region(t.region), t.role}
				parameters[p] = append(parameters[p], t)
			default:
				p := place{f.clients.Region(t.region), t.role}
				secrets[p] = append(secrets[p], t)
			}
		}
		for p, wanted := range parameters {
			f.parameters(p, wanted)
		}
		for p, wanted := range secrets {
			f.secrets(p, wanted)
		}
		below := newLane(&f.services, parallel)
		for _, path := range paths {
			if why := f.unable(err, place{}); why != "" {
				f.settleBelow(path, reference.Answer{Problem: why})
				continue
			}
			f.call(below, func() { f.settleBelow(path, f.allBelow(path)) })
		}
	})
}

func (f *fetch) settle(t thing, got found) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.things[t] = got
}

func (f *fetch) settleBelow(path string, a reference.Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.below[path] = a
}

// unable says why no service can be asked at a place; empty if one can. err is
// what open returned.
func (f *fetch) unable(err error, p place) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return f.late()
	case err != nil:
		return ConfigProblem(err)
	case f.clients.Region(p.region) == "":
		return "no region: set AWS_REGION, or write ?region= behind it"
	case !f.clients.HasCredentials():
		return NoCredentials
	}
	return ""
}
