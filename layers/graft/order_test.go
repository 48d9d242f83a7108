package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestArchitectures: Lambda's word for a processor does, beside Go's.
func TestArchitectures(t *testing.T) {
	o, err := newOrder([]string{"--arch", "arm64,x86_64", t.TempDir()}, io.Discard, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []string{"arm64", "amd64"}, o.archs)
	_, err = newOrder([]string{"--arch", "amd64,x86_64", t.TempDir()}, io.Discard, io.Discard)
	assert.ErrorContains(t, err, `--arch: "amd64" twice`)
}
