package store

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRetriesKeepTheCause: that the time is over says less than what went wrong
// until then.
func TestRetriesKeepTheCause(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("deserialization failed: %w", io.ErrUnexpectedEOF)
	r := newRetries()
	assert.True(t, r.IsErrorRetryable(cause))
	assert.True(t, r.IsErrorRetryable(&net.OpError{Op: "read", Err: net.ErrClosed}))
	assert.Equal(t, cause, r.lastError())

	other := errors.New("s3cret")
	assert.False(t, r.IsErrorRetryable(other))
	assert.Equal(t, other, r.lastError())
}
