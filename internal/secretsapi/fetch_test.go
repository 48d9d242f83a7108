package secretsapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/secretsapi"
)

func TestServiceError(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&smithy.GenericAPIError{Code: "ParameterNotFound", Message: value}, "ParameterNotFound: not in region eu-west-1"},
		{&smithy.OperationError{Err: &smithy.GenericAPIError{Code: "ThrottlingException", Message: value}}, "ThrottlingException: too many calls for the account"},
		{&smithy.GenericAPIError{Code: "AccessDeniedException", Message: value}, "AccessDeniedException: allow the role ssm:GetParameter on it, and kms:Decrypt if its KMS key is your own"},
		{fmt.Errorf("%s: %w", value, syscall.ECONNREFUSED), "connection refused"},
		{&smithy.GenericAPIError{Code: value + "\n"}, "UnknownError"},
		{fmt.Errorf("%s: %w", value, context.DeadlineExceeded), "timed out"},
		{errors.New(value), "the answer cannot be understood"},
	}
	for _, test := range tests {
		tr := newTrial(t, "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL=error", "AWS_REGION=eu-west-1")
		tr.hold = func(context.Context) error { return test.err }
		for range 2 {
			status, body := tr.get(parameterURL + "?name=/a")
			assert.Equal(t, 400, status)
			assert.Equal(t, "an unexpected error occurred while executing request", body)
		}
		assert.Len(t, tr.calls, 2, "an error is not kept")
		assert.Equal(t, strings.Repeat(`parameter "/a": `+test.want+"\n", 2), tr.logged())
	}
}

// TestFetchIsShared: who asks for the same thing at once shares one call, and who asks
// without a cache does not.
func TestFetchIsShared(t *testing.T) {
	for env, want := range map[string]int{"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE=1": 1, "PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED=false": 3} {
		synctest.Test(t, func(t *testing.T) {
			tr := newTrial(t, env)
			let := make(chan struct{})
			tr.hold = func(context.Context) error { <-let; return nil }
			bodies := make(chan string, 3)
			for range 3 {
				go func() { _, body := tr.get(secretURL + "?secretId=s"); bodies <- body }()
			}
			synctest.Wait()
			assert.Equal(t, want, tr.count(), env)
			close(let)
			seen := map[string]bool{}
			for range 3 {
				seen[<-bodies] = true
			}
			assert.Len(t, seen, want)
		})
	}
}

// TestConnectHangs: what connects may hang in a file that never ends. Nobody
// waits for it longer than the request's own limit, and it hangs once only.
func TestConnectHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, "SSM_PARAMETER_STORE_TIMEOUT_MILLIS=1000", "SECRETS_MANAGER_TIMEOUT_MILLIS=3000", "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")
		let := make(chan struct{})
		tr.dial = func() error { <-let; return nil }
		took := func(target string) time.Duration {
			start := time.Now()
			status, _ := tr.get(target)
			assert.Equal(t, http.StatusBadRequest, status)
			return time.Since(start)
		}
		done := make(chan time.Duration)
		go func() { done <- took(secretURL + "?secretId=s") }()
		synctest.Wait()
		for range 2 {
			assert.Equal(t, time.Second, took(parameterURL+"?name=a"))
		}
		assert.Equal(t, 3*time.Second, <-done)
		assert.Equal(t, 1, tr.connects)

		// After a restore nobody takes what began before it, and nobody waits for it.
		tr.pass(time.Hour)
		assert.Equal(t, time.Second, took(parameterURL+"?name=a"))
		assert.Equal(t, 1, tr.connects)
		status := make(chan int)
		go func() { s, _ := tr.get(parameterURL + "?name=a"); status <- s }()
		synctest.Wait()
		close(let)
		assert.Equal(t, http.StatusOK, <-status)
		assert.Equal(t, 2, tr.connects)
	})
}

// TestConnectFails: it is tried anew for the next request.
func TestConnectFails(t *testing.T) {
	tr := newTrial(t, "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL=error")
	tr.dial = func() error { return syscall.ECONNREFUSED }
	for range 2 {
		status, _ := tr.get(secretURL + "?secretId=s")
		assert.Equal(t, http.StatusBadRequest, status)
	}
	tr.dial = func() error { panic(value) }
	status, _ := tr.get(secretURL + "?secretId=s")
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Equal(t, strings.Repeat(`secret "s": connection refused`+"\n", 2)+`secret "s": the answer cannot be understood`+"\n", tr.logged())
	tr.dial = nil
	status, _ = tr.get(secretURL + "?secretId=s")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, 4, tr.connects)
}

// TestConnections: no more calls at once than there may be connections, and the
// wait for a turn is a part of the limit.
func TestConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, "PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS=2", "SSM_PARAMETER_STORE_TIMEOUT_MILLIS=1000")
		tr.hold = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		statuses := make(chan int, 5)
		start := time.Now()
		for i := range 5 {
			go func() { status, _ := tr.get(fmt.Sprintf("%s?name=%d", parameterURL, i)); statuses <- status }()
		}
		synctest.Wait()
		assert.Equal(t, 2, tr.count())
		for range 5 {
			assert.Equal(t, 400, <-statuses)
		}
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 5, strings.Count(tr.logged(), ": timed out\n"))
		tr.hold = nil
		status, _ := tr.get(parameterURL + "?name=0")
		assert.Equal(t, 200, status, "the turns are free again")
	})
}

// TestFetchGoesOn: a function that does not wait has its answer when it asks again.
func TestFetchGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t)
		let := make(chan struct{})
		tr.hold = func(context.Context) error { <-let; return nil }
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, secretURL+"?secretId=s", nil)
		r.Header.Set(secretsapi.TokenHeader, token)
		go tr.send(r)
		synctest.Wait()
		cancel()
		close(let)
		synctest.Wait()
		status, _ := tr.get(secretURL + "?secretId=s")
		assert.Equal(t, 200, status)
		assert.Len(t, tr.calls, 1)
	})
}
