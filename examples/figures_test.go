package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFigures reads the companion's lines among others, and prints them.
func TestFigures(t *testing.T) {
	f, err := figuresIn(`greeter: {"graft":"platform","type":"platform.report"}
{"graft":"platform","time":"2026-01-01T00:00:00Z","type":"platform.initReport","record":{"metrics":{"durationMs":12.4}}}
{"graft":"platform","time":"2026-01-01T00:00:01Z","type":"platform.report","record":{"requestId":"1","metrics":{"durationMs":3.6,"memorySizeMB":128,"maxMemoryUsedMB":40},"spans":[{"name":"extensionOverhead","durationMs":0.5},{"name":"responseLatency","durationMs":2}]}}
{"graft":"platform","time":"2026-01-01T00:00:02Z","type":"platform.report","record":{"requestId":"2","metrics":{"durationMs":1,"memorySizeMB":128,"maxMemoryUsedMB":39}}}
`)
	require.NoError(t, err)
	assert.Equal(t, "init 12 ms, calls 4 and 1 ms, overhead 0.5 and 0.0 ms, memory 40 of 128 MB", f.String())

	_, err = figuresIn(`{"graft":"platform","broken`)
	assert.Error(t, err)
}

// TestLoaded tells the line that names the agents from those about others.
func TestLoaded(t *testing.T) {
	agents, rest := loaded("first\ngraft: java: datadog: skipped: /opt/d.jar: no such file\ngraft: java 21.0.8: otel, elastic\nlast")
	assert.Equal(t, "otel, elastic", agents)
	assert.Equal(t, "first\ngraft: java: datadog: skipped: /opt/d.jar: no such file\nlast\n", rest)
}
