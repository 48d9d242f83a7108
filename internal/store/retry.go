package store

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

const (
	firstDelay = 50 * time.Millisecond
	mostDelay  = 400 * time.Millisecond
)

// A retries has the SDK try a call again for as long as its context lasts, and
// keeps the error of the last attempt: the SDK's own tells of the context only.
type retries struct {
	*retry.Standard
	ctx  context.Context // of the call
	mu   sync.Mutex
	last error
}

func newRetries(ctx context.Context) *retries {
	return &retries{ctx: ctx, Standard: retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None })}
}

// MaxAttempts sets no bound.
func (r *retries) MaxAttempts() int { return 0 }

// IsErrorRetryable judges as the SDK does, but has an answer that did not arrive
// whole, or in time, asked for again.
func (r *retries) IsErrorRetryable(err error) bool {
	if isCanceled(err) || r.over() {
		return false // and what came before says more
	}
	if errors.Is(err, net.ErrClosed) {
		return true // an attempt's time was over, which net/http cannot always tell
	}
	r.mu.Lock()
	r.last = err
	r.mu.Unlock()
	return errors.Is(err, io.ErrUnexpectedEOF) || isTimeout(err) || r.Standard.IsErrorRetryable(err)
}

// over reports whether the time for the call is over, which the network's
// deadlines may tell before the context does.
func (r *retries) over() bool {
	deadline, ok := r.ctx.Deadline()
	return r.ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// RetryDelay doubles from 50 to 400 ms, and takes up to half of that off at
// random. The SDK counts attempts from 1, and from 0 with AWS_NEW_RETRIES_2026.
func (r *retries) RetryDelay(attempt int, _ error) (time.Duration, error) {
	d := min(firstDelay<<min(max(attempt-1, 0), 8), mostDelay)
	return d/2 + rand.N(d/2), nil
}

func (r *retries) lastError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

var _ aws.RetryerV2 = (*retries)(nil)
