package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"version"}, &out, &out))
	assert.Equal(t, "graft devel\n", out.String())
}
