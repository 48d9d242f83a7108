package secretsapi_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestPause: where there may be a snapshot, a clock that jumps drops what
// was kept and what is under way; elsewhere it only ages.
func TestPause(t *testing.T) {
	tests := []struct {
		initType string
		jump     time.Duration
		dropped  bool
	}{
		{"snap-start", 4 * time.Second, true},
		{"snap-start", -4 * time.Second, true},
		{"snap-start", 2 * time.Second, false},
		{"on-demand", 4 * time.Second, false},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			tr := newTrial(t, "AWS_LAMBDA_INITIALIZATION_TYPE="+test.initType)
			time.Sleep(time.Second)
			tr.Tick()
			_, first := tr.get(secretURL + "?secretId=s")
			let := make(chan struct{})
			tr.hold = func(context.Context) error { <-let; return nil }
			go tr.get(secretURL + "?secretId=under-way")
			synctest.Wait()
			tr.pass(test.jump)
			tr.Tick()
			close(let)
			synctest.Wait()
			_, again := tr.get(secretURL + "?secretId=s")
			tr.get(secretURL + "?secretId=under-way")
			assert.Equal(t, test.dropped, first != again)
			assert.Equal(t, map[bool]int{true: 4, false: 2}[test.dropped], tr.count())
			assert.Equal(t, map[bool]int{true: 2, false: 1}[test.dropped], tr.connects)
		})
	}
}

// TestPauseBeforeRequest: the request itself finds the clock that has jumped.
func TestPauseBeforeRequest(t *testing.T) {
	tr := newTrial(t, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")
	_, first := tr.get(secretURL + "?secretId=s")
	tr.pass(time.Minute)
	_, again := tr.get(secretURL + "?secretId=s")
	assert.NotEqual(t, first, again)
	assert.Equal(t, "the environment stood still: the cache is empty\n", tr.logged())
}
