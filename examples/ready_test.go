package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/keep"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

var update = flag.Bool("update", false, "write what the ready-made layers did into their README")

// ready are the ready-made layers, in the order in which their agents load.
var ready = []readyLayer{
	{"sentry-nodejs", "sentry", "MIT", "nodejs18"},
	{"otel-nodejs", "otlp", "Apache-2.0", "nodejs18"},
	{"datadog-nodejs", "datadog", "Apache-2.0 OR BSD-3-Clause", "nodejs18"},
	{"elastic-nodejs", "elastic", "BSD-2-Clause", "nodejs18"},
	{"newrelic-nodejs", "newrelic", "Apache-2.0", "nodejs22"},
	{"otel-python", "otlp", "Apache-2.0", "python3.8"},
	{"datadog-python", "datadog", "Apache-2.0 OR BSD-3-Clause", "python3.13"},
	{"elastic-python", "elastic", "BSD-3-Clause", "python3.8"},
	{"newrelic-python", "newrelic", "Apache-2.0", "python3.10"},
	{"sentry-python", "sentry", "MIT", "python3.10"},
	{"otel-java", "otlp", "Apache-2.0", "java11"},
	{"datadog-java", "datadog", "Apache-2.0", "java11"},
	{"elastic-java", "elastic", "Apache-2.0", "java17"}, // see leftOut
}

// A readyLayer is one folder in layers.
type readyLayer struct {
	name    string
	vendor  string // as a receiver.Span names it
	licence string // of the agent, as SPDX writes it
	oldest  string // the oldest runtime here that its fragment lets it run in
}

// readyKit returns a kit without the companion: these tests are about agents,
// and the examples run some of them beside it.
func readyKit(t *testing.T) *kit {
	k := newKit(t)
	k.companion = layers.NoCompanion
	return k
}

// of tells whether the layer is for this language.
func (l readyLayer) of(language string) bool { return strings.HasSuffix(l.name, "-"+language) }

func (l readyLayer) folder() string { return filepath.Join("layers", l.name) }

// TestReadyMadeFolders holds the list to what there is, and what there is to
// one rule: one fragment, for one language, with a bound.
func TestReadyMadeFolders(t *testing.T) {
	folders, err := readyMade(t.Context())
	require.NoError(t, err)
	var names, listed []string
	for _, folder := range folders {
		if filepath.Base(folder) == readersLayer {
			continue // a program for every language, and no agent
		}
		names = append(names, filepath.Base(folder))
		fragments, problems := fragment.ReadDir(os.DirFS(folder), "/graft.d")
		require.Empty(t, problems)
		require.Len(t, fragments, 1, folder)
		require.Len(t, fragments[0].Runtimes, 1, folder)
		language := string(fragments[0].Runtimes[0].Language)
		assert.Equal(t, fragments[0].Name+"-"+language, filepath.Base(folder))
	}
	for _, l := range ready {
		listed = append(listed, l.name)
	}
	assert.ElementsMatch(t, names, listed)

	root := filepath.Dir(folders[0])
	elastic, err := os.ReadFile(filepath.Join(root, "elastic-nodejs/elastic/load.mjs"))
	require.NoError(t, err)
	newRelic, err := os.ReadFile(filepath.Join(root, "newrelic-nodejs/newrelic/load.mjs"))
	require.NoError(t, err)
	assert.Equal(t, string(elastic), string(newRelic), "each layer is whole, so this file is in both")
}

// TestReadyMade runs an unmodified function of the newest runtime of each
// language with every ready-made layer, and with every two of them. What each
// agent exported is the table in layers/README.md.
func TestReadyMade(t *testing.T) {
	for _, test := range []struct{ language, runtime, title string }{
		{"nodejs", "nodejs24", "Node.js 24"},
		{"python", "python3.13", "Python 3.13"},
		{"java", "java25", "Java 25"},
	} {
		t.Run(test.language, func(t *testing.T) {
			k := readyKit(t)
			rt := testbed.Need(t, k.bed, test.runtime)
			ex := exampleIn(t, test.language)
			var all []readyLayer
			for _, l := range ready {
				if l.of(test.language) {
					all = append(all, l)
				}
			}
			header, rule := "| on "+test.title+" | licence | MB | alone |", "| --- | --- | --- | --- |"
			rows := make([]string, len(all))
			with := make(map[[2]int]string)
			for i, a := range all {
				header += " with " + vendors[a.vendor] + " |"
				rule += " --- |"
				for j, b := range all[i+1:] {
					result := report(stacked(t, k, ex, rt, a, b), a, b)
					with[[2]int{i, i + 1 + j}], with[[2]int{i + 1 + j, i}] = result, result
				}
				size := float64(stagedSize(t, k, a)) / 1e6
				t.Logf("%s: %.1f MB unzipped", a.name, size)
				rows[i] = fmt.Sprintf("| [%s](%[1]s) | %s | %.0f | %s |", a.name, a.licence, size, report(stacked(t, k, ex, rt, a), a))
			}
			for i := range rows {
				for j := range all {
					rows[i] += " " + with[[2]int{i, j}] + " |"
				}
			}
			compare(t, test.language, strings.Join(slices.Concat([]string{header, rule}, rows, []string{""}), "\n"))
		})
	}
}

// TestReadyMadeOldest runs each layer on the oldest runtime that its fragment
// allows: its packages really do without a newer one.
func TestReadyMadeOldest(t *testing.T) {
	for _, l := range ready {
		t.Run(l.name, func(t *testing.T) {
			k := readyKit(t)
			rt := testbed.Need(t, k.bed, l.oldest)
			tr := stacked(t, k, exampleIn(t, rt.Language), rt, l)
			assert.Equal(t, "works", report(tr, l), tr.log)
		})
	}
}

// TestReadyMadeShapes runs the layers that stand in front of the function with
// handlers of every shape: they have to find it as Lambda does.
func TestReadyMadeShapes(t *testing.T) {
	for _, test := range []struct {
		language, runtime, file string
		layers                  []string
	}{
		{"nodejs", "nodejs24", "nodejs.txtar", []string{"elastic-nodejs", "newrelic-nodejs", "sentry-nodejs"}},
		{"python", "python3.13", "python.txtar", []string{"newrelic-python", "sentry-python"}},
	} {
		t.Run(test.language, func(t *testing.T) {
			k := readyKit(t)
			rt := testbed.Need(t, k.bed, test.runtime)
			functions := shapes(t, filepath.Join(k.dir, "shapes"), test.file)
			for _, l := range ready {
				if !slices.Contains(test.layers, l.name) {
					continue
				}
				for shape, fn := range functions {
					t.Run(l.name+"/"+shape, func(t *testing.T) {
						ex := exampleIn(t, test.language)
						ex.handler, ex.code = fn.handler, fn.code
						tr := stacked(t, k, ex, rt, l)
						assert.Equal(t, "works", report(tr, l), tr.log)
					})
				}
			}
		})
	}
}

// TestReadyMadeAnswers runs the layers that stand in front of the function
// with a handler that answers by a callback, as clients of Lambda before 4.0 let it, and
// with one that throws: both reach the caller as they are.
func TestReadyMadeAnswers(t *testing.T) {
	k := readyKit(t)
	rt := testbed.Need(t, k.bed, "nodejs22-image")
	code := map[string]string{
		"answers": `exports.handler = (event, context, callback) => { setImmediate(callback, null, event); };`,
		"fails":   `exports.handler = async () => { throw new RangeError('no more'); };`,
	}
	for name, text := range code {
		code[name] = filepath.Join(k.dir, name)
		require.NoError(t, os.Mkdir(code[name], 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(code[name], "index.js"), []byte(text), 0o644))
	}
	for _, l := range ready {
		if !l.of("nodejs") {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			ex := exampleIn(t, "nodejs")
			ex.code = code["answers"]
			tr := stacked(t, k, ex, rt, l)
			assert.Equal(t, "works", report(tr, l), tr.log)
			assert.JSONEq(t, `{"call":2}`, string(tr.responses[1].Body))

			ex.code, ex.layers = code["fails"], []string{l.folder()}
			recv, err := receiver.New()
			require.NoError(t, err)
			defer recv.Close()
			f, err := k.function(t.Context(), ex, rt, recv)
			require.NoError(t, err)
			f.Stdout, f.Stderr = t.Output(), t.Output()
			_, err = invokeAll(t.Context(), f)
			require.ErrorContains(t, err, `"errorMessage":"no more"`)
			assert.ErrorContains(t, err, `"errorType":"RangeError"`)
		})
	}
}

// stacked runs an example on rt with these layers instead of its own, each a
// Lambda layer by itself.
func stacked(t *testing.T, k *kit, ex example, rt testbed.Runtime, stack ...readyLayer) trial {
	recv, err := receiver.New()
	require.NoError(t, err)
	defer recv.Close()
	var opts []string
	for _, l := range stack {
		ex.layers = []string{l.folder()}
		opt, err := k.layer(t.Context(), ex)
		testbed.NeedErr(t, err)
		opts = append(opts, opt)
	}
	f, err := k.function(t.Context(), ex, rt, recv)
	testbed.NeedErr(t, err)
	f.Layers = opts
	if slices.ContainsFunc(stack, func(l readyLayer) bool { return l.name == "datadog-java" }) {
		defer serveExtension(t, recv).Close()
	}
	tr, err := tryFunction(t.Context(), f, recv)
	require.NoError(t, err, tr.log)
	return tr
}

// serveExtension has recv answer where Datadog's extension would: the agent
// for Java looks for it nowhere else.
func serveExtension(t *testing.T, recv *receiver.Server) *http.Server {
	listener, err := net.Listen("tcp4", "127.0.0.1:8124")
	if err != nil {
		testbed.NeedErr(t, keep.Unavailable("datadog-java: the port of Datadog's extension: %v", err))
	}
	to, err := url.Parse(recv.URL())
	require.NoError(t, err)
	server := &http.Server{Handler: httputil.NewSingleHostReverseProxy(to)}
	go server.Serve(listener)
	return server
}

// report says which of these agents told of every invocation.
func report(tr trial, of ...readyLayer) string {
	var lost []string
	for _, l := range of {
		if n := tr.count(l.vendor); n != invocations {
			lost = append(lost, fmt.Sprintf("%s told of %d of %d invocations", vendors[l.vendor], n, invocations))
		}
	}
	switch {
	case len(lost) > 0:
		return strings.Join(lost, ", ")
	case len(of) > 1:
		return "both work"
	}
	return "works"
}

// stagedSize is how many bytes the layer's own files have, for x86_64.
func stagedSize(t *testing.T, k *kit, l readyLayer) (size int64) {
	folders, err := inTree(t.Context(), l.folder())
	require.NoError(t, err)
	dir := t.TempDir()
	testbed.NeedErr(t, layers.Stage(t.Context(), dir, layers.Options{Arch: "amd64", Offline: !k.bed.Fetch, Log: k.log}, folders...))
	require.NoError(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		return err
	}))
	return size
}

// compare holds the part of layers/README.md between two marks to got.
func compare(t *testing.T, mark, got string) {
	folders, err := inTree(t.Context(), "layers")
	require.NoError(t, err)
	file := filepath.Join(folders[0], "README.md")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	begin, end := []byte("<!-- "+mark+": made by go test ./examples -run TestReadyMade -update -->\n"), []byte("<!-- end of "+mark+" -->\n")
	before, rest, ok := bytes.Cut(data, begin)
	require.True(t, ok, "%s: no %s", file, begin)
	old, after, ok := bytes.Cut(rest, end)
	require.True(t, ok, "%s: no %s", file, end)
	if *update {
		require.NoError(t, os.WriteFile(file, slices.Concat(before, begin, []byte(got), end, after), 0o644))
		return
	}
	assert.Equal(t, string(old), got)
}
