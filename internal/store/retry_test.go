package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestRetriesKeepTheCause: that the time is over says less than what went wrong
// until then.
func TestRetriesKeepTheCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		cause := fmt.Errorf("deserialization failed: %w", io.ErrUnexpectedEOF)
		r := newRetries(ctx)
		assert.False(t, r.IsErrorRetryable(errors.New("s3cret")))
		assert.True(t, r.IsErrorRetryable(cause))
		assert.True(t, r.IsErrorRetryable(&net.OpError{Op: "read", Err: net.ErrClosed}))
		time.Sleep(time.Second) // of the bubble's clock
		assert.False(t, r.IsErrorRetryable(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}))
		assert.Equal(t, cause, r.lastError())
	})
}
