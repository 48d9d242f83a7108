package local

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestResponseLimit(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]int{"": 6291556, "streaming": 209715200, "Streaming": 0, "buffered": 0} {
		limit, ok := responseLimit(mode)
		assert.Equal(t, want, limit)
		assert.Equal(t, want != 0, ok)
	}
	_, err := readBody(strings.NewReader("1234"), 3)
	assert.ErrorIs(t, err, errTooLarge)
	body, err := readBody(strings.NewReader("123"), 3)
	assert.NoError(t, err)
	assert.Equal(t, "123", string(body))
}
