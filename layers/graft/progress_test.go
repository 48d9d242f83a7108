package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/layers"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	lines := &progress{out: &out, name: "dist/x.zip", shown: -1}
	for done := range int64(5) {
		lines.set(done+1, 5)
	}
	lines.end()
	assert.Equal(t, "packing dist/x.zip\n", out.String())

	out.Reset()
	drawn := &progress{out: &out, name: "dist/x.zip", terminal: true, shown: -1}
	for done := range int64(1000) {
		drawn.set(done+1, 1000)
	}
	drawn.end()
	drawn.end()
	assert.Equal(t, 101, strings.Count(out.String(), "dist/x.zip"), "once for each percent")
	assert.NotContains(t, out.String(), "\n")
	assert.True(t, strings.HasSuffix(out.String(), "\r100% "+strings.Repeat("█", 30)+" dist/x.zip\x1b[K\r\x1b[K"), "the bar is wiped at the end")

	assert.Equal(t, " 50% "+strings.Repeat("█", 15)+strings.Repeat("░", 15)+" a", bar("a", 50))
	assert.Less(t, utf8.RuneCountInString(bar(strings.Repeat("é", 200), 100)), 80)
	assert.False(t, isTerminal(&out))

	empty := &progress{out: &out, terminal: true, shown: -1}
	empty.set(0, 0)
	assert.Equal(t, 100, empty.shown)
}

func TestBeyond(t *testing.T) {
	assert.Empty(t, beyond(layers.MaxUpload, layers.MaxUnzipped))
	lines := beyond(layers.MaxUpload+1<<20, layers.MaxUnzipped+1<<20)
	if assert.Len(t, lines, 2) {
		assert.Contains(t, lines[0], "unzipped 251.0 MB, and Lambda takes 250.0 MB of a function and all its layers")
		assert.Contains(t, lines[1], "51.0 MB, and Lambda takes 50.0 MB directly: upload it to S3")
		assert.Contains(t, lines[1], "--content S3Bucket=")
	}
}
