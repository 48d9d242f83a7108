package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

func TestPick(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, key, want, problem string }{
		{text: `not JSON`, want: `not JSON`},
		{text: `{"a":"b"}`, key: "a", want: "b"},
		{text: ` {"a" : "line\nof \u00e9" } `, key: "a", want: "line\nof é"},
		{text: `{"a":{"b":{"c":"d"}}}`, key: "a/b/c", want: "d"},
		{text: `{"a/b":1}`, key: "a|b", problem: `has no key "a|b"`},
		{text: `{"a":12345678901234567890.10}`, key: "a", want: "12345678901234567890.10"},
		{text: `{"a":1e3}`, key: "a", want: "1e3"},
		{text: `{"a":false}`, key: "a", want: "false"},
		{text: `{"a":[1, {"b": 2}]}`, key: "a", want: `[1,{"b":2}]`},
		{text: `{"a": "", "b": {}}`, key: "a", want: ""},
		{text: `{"A":1}`, key: "a", problem: `has no key "a"`},
		{text: `{"a":null}`, key: "a", problem: `has null as its key "a"`},
		{text: `{"a":null}`, key: "a/b", problem: `is no JSON object where the key "b" should be`},
		{text: `{"a":["s3cret"]}`, key: "a/0", problem: `is no JSON object where the key "0" should be`},
		{text: `"s3cret"`, key: "a", problem: `is no JSON object where the key "a" should be`},
		{text: `null`, key: "a", problem: `is no JSON object where the key "a" should be`},
		{text: `{"a":1} s3cret`, key: "a", problem: "is not JSON, so that a key leads nowhere"},
		{text: `{"a":s3cret}`, key: "a", problem: "is not JSON, so that a key leads nowhere"},
		{text: "{\"a\":\"s3cret\xff\"}", key: "a", problem: "is not JSON, so that a key leads nowhere"},
		{text: `{"a":"\ud83d\ude00\ufffd"}`, key: "a", want: "\U0001f600\ufffd"},
		{text: `{"a":"s3cret\ud83d"}`, key: "a", problem: `holds half a character as its key "a"`},
		{text: `{"a":"s3cret\uFFFD\ud83d"}`, key: "a", problem: `holds half a character as its key "a"`},
		{text: `{"a":"\\ud83d"}`, key: "a", want: `\ud83d`},
		{text: `{"a":1,"a":2}`, key: "a", want: "2"},
		{text: ``, key: "a", problem: "is not JSON, so that a key leads nowhere"},
		{text: strings.Repeat("[", 100_000), key: "a", problem: "is not JSON, so that a key leads nowhere"},
	} {
		var key []string
		if c.key != "" {
			key = strings.Split(c.key, "/")
		}
		value, problem := pick(c.text, key)
		assert.Equal(t, []string{c.want, c.problem}, []string{value, problem}, "%.40s %s", c.text, c.key)
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	got := variables([]fragment.Var{
		{Name: "/p/x/db-url", Value: "3"},
		{Name: "/p/pool.size", Value: "5"},
		{Name: "/p/db_url", Value: "2"},
		{Name: "/p/db-url", Value: "1"},
		{Name: "/p/2nd", Value: "s3cret"},
		{Name: "/p/_A9", Value: "9"},
	})
	assert.Equal(t, reference.Answer{
		Vars: []fragment.Var{{Name: "_A9", Value: "9"}, {Name: "DB_URL", Value: "1"}, {Name: "POOL_SIZE", Value: "5"}},
		Notes: []string{
			"/p/2nd: makes no name of a variable: left out",
			"/p/db_url: DB_URL comes from /p/db-url: left out",
			"/p/x/db-url: DB_URL comes from /p/db-url: left out",
		},
	}, got)
}

func TestBatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ all, want string }{
		{"", "[]"},
		{"a", "[[a]]"},
		{"abcdefg", "[[a b c] [d e f] [g]]"},
		{"aaa", "[[a] [a] [a]]"},
		{"aabcd", "[[a b c] [a d]]"},
		{"abcabcd", "[[a b c] [a b c] [d]]"},
	} {
		var all []string
		for _, r := range c.all {
			all = append(all, string(r))
		}
		assert.Equal(t, c.want, fmt.Sprint(batches(all, 3, func(s string) string { return s })), c.all)
	}
}

func TestNamedPath(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"/a/b": "/a/b",
		"arn:aws:ssm:us-east-1:123456789012:parameter/a/b": "/a/b",
		"/:parameter/x": "/:parameter/x",
	} {
		assert.Equal(t, want, named{name: name}.path(), name)
	}
}

func TestSecretText(t *testing.T) {
	t.Parallel()
	text := "a"
	for _, c := range []struct {
		text   *string
		binary []byte
		want   found
	}{
		{text: &text, want: found{text: "a"}},
		{binary: []byte("é\n"), want: found{text: "é\n"}},
		{binary: []byte{0xff}, want: found{problem: "is binary, and a variable holds text only: ask graft-secrets serve for it"}},
		{binary: []byte("a\x00"), want: found{problem: "is binary, and a variable holds text only: ask graft-secrets serve for it"}},
		{want: found{problem: "has no value"}},
	} {
		assert.Equal(t, c.want, secretText(c.text, c.binary))
	}
}

func TestCause(t *testing.T) {
	t.Parallel()
	about := Subject{Region: "us-east-1", Action: "ssm:GetParameters"}
	api := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "s3cret"} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{api("ThrottlingException"), "ThrottlingException: too many calls for the account"},
		{api("SomethingNew"), "SomethingNew"},
		{api("s3cret of\na kind"), "UnknownError"},
		{api(strings.Repeat("x", 100)), "UnknownError"},
		{&smithy.OperationError{ServiceID: "SSM", Err: &smithy.OperationError{ServiceID: "STS", Err: api("AccessDenied")}},
			"AccessDenied: the role cannot be assumed: allow sts:AssumeRole, and the function's role in its trust policy"},
		{&net.DNSError{Name: "ssm.us-est-1.amazonaws.com", IsNotFound: true}, "no such host: look at the region, us-east-1, the endpoint and the network"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "connection refused"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, "no connection"},
		{&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}, "connection closed before the answer"},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "the service does not answer"},
		{errors.New("get identity: get credentials: s3cret"), "no credentials: what the SDK takes them from gave none"},
		{errors.New("s3cret"), "the answer cannot be understood"},
	} {
		assert.Equal(t, c.want, Cause(c.err, about))
	}
}

// TestFetchFiles needs no service, and asks for none.
func TestFetchFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lf": "a\n", "crlf": "a\r\n", "two": "a\n\n", "cr": "a\r", "none": "a", "empty": "", "line": "\n",
		"json": `{"a":{"b":1}}`, "most": strings.Repeat("x", fragment.MaxSize), "more": strings.Repeat("x", fragment.MaxSize+1),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	questions, want := []string{}, []reference.Answer{}
	for _, c := range []struct {
		question string
		want     reference.Answer
	}{
		{"ref+file://lf", reference.Answer{Value: "a"}},
		{"ref+file://" + dir + "/lf", reference.Answer{Value: "a"}},
		{"ref+file://crlf", reference.Answer{Value: "a"}},
		{"ref+file://two", reference.Answer{Value: "a\n"}},
		{"ref+file://cr", reference.Answer{Value: "a\r"}},
		{"ref+file://none", reference.Answer{Value: "a"}},
		{"ref+file://empty", reference.Answer{}},
		{"ref+file://line", reference.Answer{}},
		{"ref+file://json#/a/b", reference.Answer{Value: "1"}},
		{"ref+file://most", reference.Answer{Value: strings.Repeat("x", fragment.MaxSize)}},
		{"ref+file://more", reference.Answer{Problem: "is larger than 1 MiB"}},
		{"ref+file://fifo", reference.Answer{Problem: "not a regular file"}},
		{"ref+file://.", reference.Answer{Problem: "not a regular file"}},
		{"ref+file://nowhere", reference.Answer{Problem: "no such file"}},
		{"ref+file://", reference.Answer{Problem: "names nothing"}},
		{"ref+file://lf/more", reference.Answer{Problem: "not a directory"}},
	} {
		questions, want = append(questions, c.question), append(want, c.want)
	}
	got, err := Fetch(t.Context(), questions, time.Minute, dir, func() (Clients, error) { panic("not asked for") })
	require.NoError(t, err)
	for i := range questions {
		assert.Equal(t, want[i], got[i], questions[i])
	}
}

// TestFetchPanics: nothing of what a panic holds comes out, and no answer.
func TestFetchPanics(t *testing.T) {
	t.Parallel()
	got, err := Fetch(t.Context(), []string{"ref+file:///dev/null", "ref+awsssm://a"}, time.Minute, "/", func() (Clients, error) { panic("s3cret") })
	assert.Empty(t, got)
	assert.EqualError(t, err, "internal error, please report it (a panic of type string)")
}

// TestFetchLate has a configuration that never comes.
func TestFetchLate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	got, err := Fetch(ctx, []string{"ref+awsssm://a", "below:/a", "ref+awssm://a"}, 3*time.Second, "/", func() (Clients, error) {
		cancel()
		<-never
		return Clients{}, nil
	})
	require.NoError(t, err)
	assert.Equal(t, []reference.Answer{{Problem: "no answer within 3s"}, {Problem: "no answer within 3s"},
		{Problem: "is none of ref+awsssm://…, ref+awssecrets://…, ref+file://…, and ref+ with the ARN of a parameter or secret"}}, got)
}

// TestNewSnapStart: Lambda's own API counts, wherever it is; the SDK takes no
// other address that is not loopback.
func TestNewSnapStart(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.100.1:9001/2021-04-23/credentials")
	t.Setenv("AWS_LAMBDA_RUNTIME_API", "169.254.100.1:9001")
	c, err := New(t.Context())
	require.NoError(t, err)
	assert.True(t, c.HasCredentials())
	t.Setenv("AWS_LAMBDA_RUNTIME_API", "169.254.100.1:900")
	_, err = New(t.Context())
	assert.Error(t, err)
}

func TestRetryDelay(t *testing.T) {
	t.Parallel()
	r := newRetries(t.Context())
	for attempt := range 100 {
		d, err := r.RetryDelay(attempt, nil)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, d, firstDelay/2)
		assert.LessOrEqual(t, d, mostDelay)
	}
	assert.Zero(t, r.MaxAttempts())
}

// TestFetchEnds: a configuration that does not come keeps nobody waiting beyond
// the time.
func TestFetchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		let := make(chan struct{})
		defer close(let)
		start := time.Now()
		answers, err := Fetch(ctx, []string{"ref+awsssm://a"}, limit, "", func() (Clients, error) {
			<-let
			return Clients{}, ctx.Err()
		})
		require.NoError(t, err)
		assert.Equal(t, []reference.Answer{{Problem: "no answer within 3s"}}, answers)
		assert.Equal(t, limit, time.Since(start))
	})
}
