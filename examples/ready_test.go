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
	{"otel-nodejs", "otlp", "Apache-2.0"},
	{"datadog-nodejs", "datadog", "Apache-2.0 OR BSD-3-Clause"},
	{"elastic-nodejs", "elastic", "BSD-2-Clause"},
	{"newrelic-nodejs", "newrelic", "Apache-2.0"},
	{"sentry-nodejs", "sentry", "MIT"},
	{"otel-python", "otlp", "Apache-2.0"},
	{"datadog-python", "datadog", "Apache-2.0 OR BSD-3-Clause"},
	{"elastic-python", "elastic", "BSD-3-Clause"},
	{"newrelic-python", "newrelic", "Apache-2.0"},
	{"sentry-python", "sentry", "MIT"},
	{"otel-java", "otlp", "Apache-2.0"},
	{"datadog-java", "datadog", "Apache-2.0"},
	{"elastic-java", "elastic", "Apache-2.0"},
}

// A readyLayer is one folder in layers.
type readyLayer struct {
	name    string
	vendor  string // as a receiver.Span names it
	licence string // of the agent, as SPDX writes it
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
			k := newKit(t)
			rt := testbed.Need(t, k.bed, test.runtime)
			var table strings.Builder
			fmt.Fprintf(&table, "| on %s | licence | MB | alone | with |\n| --- | --- | --- | --- | --- |\n", test.title)
			for i, a := range ready {
				if !a.of(test.language) {
					continue
				}
				alone := report(stacked(t, k, rt, a), a)
				var with []string
				for _, b := range ready[i+1:] {
					if b.of(test.language) {
						with = append(with, vendors[b.vendor]+": "+report(stacked(t, k, rt, a, b), a, b))
					}
				}
				size := stagedSize(t, k, a)
				t.Logf("%s: %.1f MB unzipped", a.name, float64(size)/1e6)
				fmt.Fprintf(&table, "| [%s](%[1]s) | %s | %.0f | %s | %s |\n", a.name, a.licence, float64(size)/1e6, alone, strings.Join(with, "; "))
			}
			compare(t, test.language, table.String())
		})
	}
}

// stacked runs the example function of rt with a layer of its own for each of
// these folders.
func stacked(t *testing.T, k *kit, rt testbed.Runtime, stack ...readyLayer) trial {
	recv, err := receiver.New()
	require.NoError(t, err)
	defer recv.Close()
	ex := exampleIn(t, rt.Language)
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
		serveExtension(t, recv)
	}
	return tryFunction(t, f, recv)
}

// serveExtension has recv answer where Datadog's extension would: the agent
// for Java looks for it nowhere else.
func serveExtension(t *testing.T, recv *receiver.Server) {
	listener, err := net.Listen("tcp4", "127.0.0.1:8124")
	if err != nil {
		testbed.NeedErr(t, keep.Unavailable("datadog-java: the port of Datadog's extension: %v", err))
	}
	to, err := url.Parse(recv.URL())
	require.NoError(t, err)
	server := &http.Server{Handler: httputil.NewSingleHostReverseProxy(to)}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
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
