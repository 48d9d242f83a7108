package store

import (
	"errors"
	"io"
	"math/rand/v2"
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

// retries has a call tried again for as long as its context lasts, and
// remembers what the last attempt ended with: the SDK tells of the context only.
type retries struct {
	*retry.Standard
	mu   sync.Mutex
	last error
}

func newRetries() *retries {
	return &retries{Standard: retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None })}
}

// MaxAttempts sets no bound.
func (r *retries) MaxAttempts() int { return 0 }

// IsErrorRetryable is the SDK's judgement; and an answer that did not arrive
// whole is asked for again.
func (r *retries) IsErrorRetryable(err error) bool {
	if isCanceled(err) {
		return false
	}
	r.mu.Lock()
	r.last = err
	r.mu.Unlock()
	return errors.Is(err, io.ErrUnexpectedEOF) || isTimeout(err) || r.Standard.IsErrorRetryable(err)
}

// RetryDelay doubles from 50 to 400 ms, less up to a half at random. The SDK
// counts attempts from 1, and from 0 with AWS_NEW_RETRIES_2026.
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
