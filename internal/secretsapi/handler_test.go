package secretsapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/secretsapi"
)

const (
	token        = "the-session-token"
	value        = "s3cret-value"
	parameterURL = "/systemsmanager/parameters/get"
	secretURL    = "/secretsmanager/get"
)

// A trial is a handler with services that answer as they are told.
type trial struct {
	*secretsapi.Handler
	t        *testing.T
	settings secretsapi.Settings
	// hold, if not nil, is called in each call to a service.
	hold func(context.Context) error
	// dial, if not nil, is called in each connect.
	dial func() error

	mu       sync.Mutex
	connects int
	calls    []string
	log      bytes.Buffer
	ahead    time.Duration
}

func newTrial(t *testing.T, env ...string) *trial {
	tr := &trial{t: t}
	vars := map[string]string{"AWS_SESSION_TOKEN": token}
	for _, v := range env {
		name, text, _ := strings.Cut(v, "=")
		vars[name] = text
	}
	var problems []string
	tr.settings, problems = secretsapi.Read(func(name string) string { return vars[name] })
	require.Empty(t, problems)
	connect := func(context.Context) (secretsapi.Service, error) {
		tr.mu.Lock()
		tr.connects++
		tr.mu.Unlock()
		if tr.dial != nil {
			return tr, tr.dial()
		}
		return tr, nil
	}
	now := func() time.Time {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return time.Now().Add(tr.ahead)
	}
	say := func(line string) {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		fmt.Fprintln(&tr.log, line)
	}
	tr.Handler = secretsapi.New(tr.settings, connect, now, say)
	return tr
}

// pass lets the wall clock jump.
func (tr *trial) pass(d time.Duration) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ahead += d
}

func (tr *trial) called(ctx context.Context, call string) (n int, err error) {
	tr.mu.Lock()
	tr.calls = append(tr.calls, call)
	n, hold := len(tr.calls), tr.hold
	tr.mu.Unlock()
	if hold != nil {
		err = hold(ctx)
	}
	return n, err
}

func (tr *trial) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.calls)
}

func (tr *trial) logged() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.log.String()
}

func (tr *trial) GetParameter(ctx context.Context, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	n, err := tr.called(ctx, fmt.Sprintf("parameter %s %t", *in.Name, *in.WithDecryption))
	if err != nil {
		return nil, err
	}
	name, selector, found := strings.Cut(*in.Name, ":")
	p := &types.Parameter{
		ARN: aws.String("arn:aws:ssm:us-east-1:123456789012:parameter" + name), DataType: aws.String("text"), Name: &name,
		LastModifiedDate: aws.Time(time.Date(2022, 11, 16, 8, 22, 40, 362e6, time.UTC)), Type: types.ParameterTypeString,
		Value: aws.String(fmt.Sprint(value, n)), Version: 1,
	}
	if found {
		p.Selector = aws.String(":" + selector)
	}
	return &ssm.GetParameterOutput{Parameter: p}, nil
}

func (tr *trial) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	n, err := tr.called(ctx, fmt.Sprintf("secret %s %s %s", *in.SecretId, aws.ToString(in.VersionId), aws.ToString(in.VersionStage)))
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.GetSecretValueOutput{
		ARN: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:s-MFUBmH"), Name: in.SecretId,
		CreatedDate: aws.Time(time.Date(2022, 11, 16, 8, 22, 40, 499e6, time.UTC)),
		VersionId:   aws.String("b1c367b9-7f53-4a47-82c4-be51a054b953"), VersionStages: []string{"AWSCURRENT"},
	}
	if strings.HasPrefix(*in.SecretId, "binary") {
		out.SecretBinary = []byte("a\x00b")
	} else {
		out.SecretString = aws.String(fmt.Sprint(value, n))
	}
	return out, nil
}

// get sends a request with the token and returns status and body.
func (tr *trial) get(target string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set(secretsapi.TokenHeader, token)
	return tr.send(r)
}

func (tr *trial) send(r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	tr.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestShape holds the answers to those that users recorded of AWS's extension.
func TestShape(t *testing.T) {
	tests := []struct{ target, call, want string }{
		{parameterURL + "?name=%2Fa%2Fb", "parameter /a/b false",
			`{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/a/b","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"/a/b","Selector":null,"SourceResult":null,"Type":"String","Value":"s3cret-value1","Version":1},"ResultMetadata":{}}`},
		{parameterURL + "/?name=/a/b&version=1&withDecryption=true", "parameter /a/b:1 true",
			`{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/a/b","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"/a/b","Selector":":1","SourceResult":null,"Type":"String","Value":"s3cret-value1","Version":1},"ResultMetadata":{}}`},
		{parameterURL + "?withDecryption=false&label=Dev&name=b", "parameter b:Dev false",
			`{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameterb","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"b","Selector":":Dev","SourceResult":null,"Type":"String","Value":"s3cret-value1","Version":1},"ResultMetadata":{}}`},
		{secretURL + "?secretId=s", "secret s  ",
			`{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s-MFUBmH","CreatedDate":"2022-11-16T08:22:40.499Z","Name":"s","SecretBinary":null,"SecretString":"s3cret-value1","VersionId":"b1c367b9-7f53-4a47-82c4-be51a054b953","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`},
		{secretURL + "/?secretId=binary&versionId=v&versionStage=AWSPREVIOUS", "secret binary v AWSPREVIOUS",
			`{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s-MFUBmH","CreatedDate":"2022-11-16T08:22:40.499Z","Name":"binary","SecretBinary":"YQBi","SecretString":null,"VersionId":"b1c367b9-7f53-4a47-82c4-be51a054b953","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`},
	}
	for _, test := range tests {
		tr := newTrial(t)
		status, body := tr.get(test.target)
		assert.Equal(t, http.StatusOK, status, test.target)
		assert.Equal(t, test.want, body)
		assert.Equal(t, []string{test.call}, tr.calls)
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		method, target, token string
		status                int
		text                  string
	}{
		{"GET", secretURL + "?secretId=s", "", 401, "X-Aws-Parameters-Secrets-Token is missing or wrong"},
		{"GET", secretURL + "?secretId=s", token + "x", 401, "X-Aws-Parameters-Secrets-Token is missing or wrong"},
		{"GET", "/", token, 404, "there is nothing at this path"},
		{"GET", "/secretsmanager", token, 404, "there is nothing at this path"},
		{"GET", secretURL + "//?secretId=s", token, 404, "there is nothing at this path"},
		{"POST", secretURL + "?secretId=s", token, 405, "only GET"},
		{"HEAD", secretURL + "?secretId=s", token, 405, "only GET"},
		{"GET", secretURL, token, 400, "secretId is missing"},
		{"GET", secretURL + "?secretId=", token, 400, "secretId is missing"},
		{"GET", secretURL + "?secretId=%zz", token, 400, "the query string is malformed"},
		{"GET", parameterURL + "?secretId=s", token, 400, "name is missing"},
		{"GET", parameterURL + "?name=a&version=1&label=b", token, 400, "version and label exclude each other"},
		{"GET", parameterURL + "?name=a&version=x", token, 400, "version is no number"},
		{"GET", parameterURL + "?name=a&label=x:y", token, 400, "label is none"},
		{"GET", parameterURL + "?name=a&withDecryption=perhaps", token, 400, "withDecryption is neither true nor false"},
	}
	for _, test := range tests {
		tr := newTrial(t)
		r := httptest.NewRequest(test.method, test.target, nil)
		if test.token != "" {
			r.Header.Set("x-aws-parameters-secrets-token", test.token)
		}
		status, body := tr.send(r)
		assert.Equal(t, test.status, status, test.target)
		assert.Equal(t, test.text, body, test.target)
		assert.Empty(t, tr.calls)
		assert.Equal(t, "a request was refused: "+test.text+"\n", tr.logged())
	}
}

// TestToken: under SnapStart the container credentials' token stands in for the
// session's, and with no token at all nobody is let in.
func TestToken(t *testing.T) {
	ask := func(tr *trial, token string) int {
		r := httptest.NewRequest(http.MethodGet, secretURL+"?secretId=s", nil)
		r.Header.Set(secretsapi.TokenHeader, token)
		status, _ := tr.send(r)
		return status
	}
	snapStart := newTrial(t, "AWS_SESSION_TOKEN=", "AWS_CONTAINER_AUTHORIZATION_TOKEN=container")
	assert.Equal(t, 200, ask(snapStart, "container"))
	assert.Equal(t, 401, ask(snapStart, ""))
	none := newTrial(t, "AWS_SESSION_TOKEN=")
	assert.Equal(t, 401, ask(none, ""))
	assert.Equal(t, 401, ask(none, "x"))
}

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

func TestKept(t *testing.T) {
	tr := newTrial(t, "SECRETS_MANAGER_TTL=0", "SSM_PARAMETER_STORE_TTL=10")
	_, first := tr.get(parameterURL + "?name=a")
	tr.pass(10*time.Second - 1)
	// All that makes another answer is another entry.
	for _, target := range []string{"?name=a&version=1", "?name=a&label=l", "?name=a&withDecryption=true", "?name=b"} {
		_, body := tr.get(parameterURL + target)
		assert.NotEqual(t, first, body)
	}
	assert.Len(t, tr.calls, 5)
	tr.pass(time.Second)
	_, second := tr.get(parameterURL + "/?name=a")
	assert.NotEqual(t, first, second, "it is too old")
	for range 2 {
		tr.get(secretURL + "?secretId=s")
	}
	assert.Len(t, tr.calls, 8, "a TTL of 0 keeps nothing")
	assert.Equal(t, 1, tr.connects)
}

func TestKeptByRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t)
		_, first := tr.get(secretURL + "?secretId=s")
		time.Sleep(300*time.Second - 1)
		_, again := tr.get(secretURL + "?secretId=s")
		assert.Equal(t, first, again)
		time.Sleep(time.Nanosecond)
		_, later := tr.get(secretURL + "?secretId=s")
		assert.NotEqual(t, first, later)
	})
}

// TestShared: who asks for the same thing at once shares one call, and who asks
// without a cache does not.
func TestShared(t *testing.T) {
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

// TestGone: a function that does not wait has its answer when it asks again.
func TestGone(t *testing.T) {
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

// TestRestored: where there may be a snapshot, a clock that jumps drops what
// was kept and what is under way; elsewhere it only ages.
func TestRestored(t *testing.T) {
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

// TestRestoredRequest: the request itself finds the clock that has jumped.
func TestRestoredRequest(t *testing.T) {
	tr := newTrial(t, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")
	_, first := tr.get(secretURL + "?secretId=s")
	tr.pass(time.Minute)
	_, again := tr.get(secretURL + "?secretId=s")
	assert.NotEqual(t, first, again)
	assert.Equal(t, "the environment stood still: the cache is empty\n", tr.logged())
}

// TestSilence: at no level is a value in what is logged, nor is a panic's.
func TestSilence(t *testing.T) {
	for level, lines := range map[string]int{"debug": 7, "info": 3, "warn": 3, "error": 2, "none": 0} {
		tr := newTrial(t, "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL="+level)
		tr.get(parameterURL + "?name=a")
		tr.get(parameterURL + "?name=a")
		tr.hold = func(context.Context) error { panic(value) }
		status, body := tr.get(secretURL + "?secretId=s")
		assert.Equal(t, 400, status)
		assert.Equal(t, "an unexpected error occurred while executing request", body)
		tr.hold = func(context.Context) error { return &smithy.GenericAPIError{Code: "X", Message: value} }
		tr.get(secretURL + "?secretId=s")
		r := httptest.NewRequest(http.MethodGet, secretURL+"?secretId="+value, nil)
		r.Header.Set(secretsapi.TokenHeader, value)
		tr.send(r)
		assert.Equal(t, lines, strings.Count(tr.logged(), "\n"), tr.logged())
		assert.NotContains(t, tr.logged(), value)
		assert.NotContains(t, tr.logged(), token)
	}
}
