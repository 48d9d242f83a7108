package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestBuildInterrupted: Ctrl-C while graft's sources are looked for is no lack
// of them.
func TestBuildInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	assert.Equal(t, exitInterrupted, run(ctx, []string{"build", "--out", t.TempDir()}, &out, &out))
	assert.Empty(t, out.String())
}
