package main

import (
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
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/keep"
	"github.com/graft-lambda/graft/internal/readme"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

var update = flag.Bool("update", false, "write what the ready-made layers did into the tables")

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

// readyFor returns the layers of one language, in the order of ready.
func readyFor(language string) (list []readyLayer) {
	for _, l := range ready {
		if l.of(language) {
			list = append(list, l)
		}
	}
	return list
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

// newest are the languages of the ready-made layers, each with its newest
// runtime here.
var newest = []struct{ language, runtime string }{{"nodejs", "nodejs24"}, {"python", "python3.13"}, {"java", "java25"}}

// TestReadyMade runs an unmodified function of the newest runtime of each
// language with every ready-made layer, and with every two of them; and each
// layer on the oldest runtime that its fragment allows: its packages really do
// without a newer one. What each agent exported are the tables in
// layers/README.md and the short one in README.md.
func TestReadyMade(t *testing.T) {
	t.Parallel()
	k := readyKit(t)
	results := outcomes{by: map[string]string{}}
	t.Run("stacks", func(t *testing.T) {
		for _, test := range newest {
			all := readyFor(test.language)
			for i, a := range all {
				results.try(t, k, a.oldest, a)
				if a.oldest != test.runtime {
					results.try(t, k, test.runtime, a)
				}
				for _, b := range all[i+1:] {
					results.try(t, k, test.runtime, a, b)
				}
			}
		}
	})
	short, whole := "| agent | runtimes | works | licence |\n| --- | --- | --- | --- |\n", true
	for _, test := range newest {
		table, ok := results.table(t, k, test.language, test.runtime)
		if ok {
			compare(t, "layers/README.md", test.language, table)
		}
		rows, all := results.rows(test.language, test.runtime)
		short, whole = short+rows, whole && all
	}
	if whole {
		compare(t, "README.md", "ready", short)
	}
}

// TestReadyMadeShapes runs the layers that stand in front of the function with
// handlers of every shape: they have to find it as Lambda does.
func TestReadyMadeShapes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		language, runtime, file string
		layers                  []string
	}{
		{"nodejs", "nodejs24", "nodejs.txtar", []string{"elastic-nodejs", "newrelic-nodejs", "sentry-nodejs"}},
		{"python", "python3.13", "python.txtar", []string{"newrelic-python", "sentry-python"}},
	} {
		t.Run(test.language, func(t *testing.T) {
			t.Parallel()
			k := readyKit(t)
			rt := testbed.Need(t, k.bed, test.runtime)
			functions := shapes(t, filepath.Join(k.dir, "shapes"), test.file)
			for _, l := range ready {
				if !slices.Contains(test.layers, l.name) {
					continue
				}
				for shape, fn := range functions {
					t.Run(l.name+"/"+shape, func(t *testing.T) {
						t.Parallel()
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
	t.Parallel()
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
	for _, l := range readyFor("nodejs") {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
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

// TestReadyMadeStreams runs every layer for Node.js with a handler that streams
// its response: what it wrote reaches the caller as it is, whatever stands in
// front of it (https://github.com/open-telemetry/opentelemetry-js-contrib/issues/2827).
func TestReadyMadeStreams(t *testing.T) {
	t.Parallel()
	k := readyKit(t)
	rt := testbed.Need(t, k.bed, "nodejs24")
	code := filepath.Join(k.dir, "streams")
	require.NoError(t, os.Mkdir(code, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(code, "index.js"), []byte(`
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType('text/plain');
  for (const part of ['one ', 'two ', 'three']) stream.write(part);
  stream.end();
});`), 0o644))
	for _, l := range readyFor("nodejs") {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			ex := exampleIn(t, "nodejs")
			ex.code = code
			tr := stacked(t, k, ex, rt, l)
			assert.Equal(t, "one two three", string(tr.responses[1].Body), tr.log)
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
		extensionPort.Lock()
		defer extensionPort.Unlock()
		defer serveExtension(t, recv).Close()
	}
	tr, err := tryFunction(t.Context(), f, recv)
	require.NoError(t, err, tr.log)
	return tr
}

// extensionPort is held by the one function that has Datadog's extension.
var extensionPort sync.Mutex

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

// ownSize is how many bytes the layer's own files have, for x86_64.
func ownSize(t *testing.T, k *kit, l readyLayer) int64 {
	whole, err := k.layerFor(t.Context(), example{layers: []string{l.folder()}}, "amd64")
	testbed.NeedErr(t, err)
	bare, err := k.bare(t.Context(), "amd64")
	require.NoError(t, err)
	return folderSize(t, whole) - folderSize(t, bare)
}

func folderSize(t *testing.T, dir string) (size int64) {
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

// compare holds a table of a file in the source tree to got.
func compare(t *testing.T, name, mark, got string) {
	found, err := inTree(t.Context(), name)
	require.NoError(t, err)
	readme.Hold(t, found[0], mark, "go test ./examples -run TestReadyMade -update", got, *update)
}
