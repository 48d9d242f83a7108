package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/testbed"
)

// Outcomes are what came of functions with stacks of ready-made layers.
type outcomes struct {
	mu sync.Mutex
	by map[string]string // what report said, by key
}

// key names a stack on a runtime, whatever its order.
func key(runtime string, stack ...readyLayer) string {
	var names []string
	for _, l := range stack {
		names = append(names, l.name)
	}
	slices.Sort(names)
	return runtime + " " + strings.Join(names, " ")
}

// try runs an unmodified function on a runtime with these layers.
func (o *outcomes) try(t *testing.T, k *kit, runtime string, stack ...readyLayer) {
	t.Run(key(runtime, stack...), func(t *testing.T) {
		t.Parallel()
		rt := testbed.Need(t, k.bed, runtime)
		tr := stacked(t, k, exampleIn(t, rt.Language), rt, stack...)
		said := report(tr, stack...)
		if len(stack) == 1 {
			assert.Equal(t, "works", said, tr.log)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.by[key(runtime, stack...)] = said
	})
}

// table returns all that is known of a language's layers on its newest runtime,
// in Markdown; false if one of them, or two together, were not run there.
func (o *outcomes) table(t *testing.T, k *kit, language, newest string) (string, bool) {
	layers := readyFor(language)
	header, rule := "| on "+titled(newest)+" | licence | MB | alone |", "| --- | --- | --- | --- |"
	var rows strings.Builder
	for _, a := range layers {
		alone, ok := o.by[key(newest, a)]
		if !ok {
			return "", false
		}
		header, rule = header+" with "+vendors[a.vendor]+" |", rule+" --- |"
		size := float64(ownSize(t, k, a)) / 1e6
		t.Logf("%s: %.1f MB unzipped", a.name, size)
		fmt.Fprintf(&rows, "| [%s](%[1]s) | %s | %.0f | %s |", a.name, a.licence, size, alone)
		for _, b := range layers {
			with, ok := o.by[key(newest, a, b)]
			if !ok && b != a {
				return "", false
			}
			rows.WriteString(" " + with + " |")
		}
		rows.WriteString("\n")
	}
	return header + "\n" + rule + "\n" + rows.String(), true
}

// rows returns a line for each of a language's layers, in Markdown; false if one
// was not run alone on its oldest runtime and on the newest, or beside another.
func (o *outcomes) rows(language, newest string) (rows string, whole bool) {
	layers := readyFor(language)
	for _, a := range layers {
		runtimes := []string{a.oldest}
		title := titled(a.oldest)
		if a.oldest != newest {
			runtimes = append(runtimes, newest)
			title += " and " + strings.TrimPrefix(newest, language)
		}
		var not []string
		for _, runtime := range runtimes {
			switch said, ok := o.by[key(runtime, a)]; {
			case !ok:
				return "", false
			case said != "works":
				not = append(not, "on "+titled(runtime)+": "+said)
			}
		}
		for _, b := range layers {
			switch said, ok := o.by[key(newest, a, b)]; {
			case b == a:
			case !ok:
				return "", false
			case said != "both work":
				not = append(not, "with "+vendors[b.vendor]+": "+said)
			}
		}
		works := fmt.Sprintf("alone and with each of the %d others", len(layers)-1)
		if len(not) > 0 {
			works = strings.Join(not, "; ")
		}
		rows += fmt.Sprintf("| [%s](layers/%s) | %s | %s | %s |\n", vendors[a.vendor], a.name, title, works, a.licence)
	}
	return rows, true
}

// titled is a runtime's name as people write it: Node.js 24.
func titled(runtime string) string {
	for _, l := range []struct{ name, title string }{{"nodejs", "Node.js"}, {"python", "Python"}, {"java", "Java"}} {
		if version, ok := strings.CutPrefix(runtime, l.name); ok {
			return l.title + " " + version
		}
	}
	return runtime
}
