package layers_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// TestSameBytes compares by content alone, however it arrives, and says nothing
// of what cannot be read.
func TestSameBytes(t *testing.T) {
	long := strings.Repeat("graft", 100_000)
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"", "", true},
		{"a", "", false},
		{long, long, true},
		{long, long + "x", false},
		{long + "x", long + "y", false},
	} {
		same, err := layers.SameBytes(strings.NewReader(c.a), iotest.HalfReader(strings.NewReader(c.b)))
		require.NoError(t, err)
		assert.Equal(t, c.same, same, "%.9s and %.9s", c.a, c.b)
	}
	broken := errors.New("input/output error")
	for _, text := range []string{"", "a", long} {
		_, err := layers.SameBytes(strings.NewReader(text), iotest.ErrReader(broken))
		assert.ErrorIs(t, err, broken, "%.9s", text)
		_, err = layers.SameBytes(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), strings.NewReader(text))
		assert.ErrorIs(t, err, broken, "%.9s", text)
	}
}
