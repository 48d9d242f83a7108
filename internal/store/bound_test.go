package store

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/reference"
)

// endless answers with a beginning and then for ever, and counts what it is asked.
type endless struct {
	status int
	start  string
	asked  atomic.Int32
}

func (e *endless) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	e.asked.Add(1)
	w.WriteHeader(e.status)
	_, err := io.WriteString(w, e.start)
	for block := bytes.Repeat([]byte("s3cret"), 100_000); err == nil; {
		_, err = w.Write(block)
	}
}

// TestBounded has a service whose answers do not end.
func TestBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		*endless
		question string
	}{
		"secret":     {&endless{status: 200, start: `{"SecretString":"`}, "ref+awssecrets://db"},
		"parameter":  {&endless{status: 200, start: `{"Parameters":[{"Name":"/a","Value":"`}, "ref+awsssm://a"},
		"below":      {&endless{status: 200, start: `{"Parameters":[{"Name":"/a/b","Value":"`}, reference.Below + "/a"},
		"error":      {&endless{status: 400, start: `{"message":"`}, "ref+awssecrets://db"},
		"behind all": {&endless{status: 200, start: `{"Name":"db","SecretString":"x"}`}, "ref+awssecrets://db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.endless)
			defer server.Close()
			assert.Equal(t, reference.Answer{Problem: "the answer is larger than 16384 KiB"}, answerOf(t, server, c.question))
			assert.EqualValues(t, 1, c.asked.Load(), "an answer that is too large is not asked for again")
		})
	}
}

// answerOf fetches what one question asks of a service.
func answerOf(t *testing.T, server *httptest.Server, question string) reference.Answer {
	none := filepath.Join(t.TempDir(), "none")
	got, err := Fetch(t.Context(), []string{question}, time.Minute, "/", func() (Clients, error) {
		return New(t.Context(), config.WithRegion("us-east-1"), config.WithBaseEndpoint(server.URL),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("a", "b", "")),
			config.WithSharedConfigFiles([]string{none}), config.WithSharedCredentialsFiles([]string{none}))
	})
	require.NoError(t, err)
	require.Len(t, got, 1)
	return got[0]
}

// TestBoundedPages has a service with one page more, always.
func TestBoundedPages(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]string{
		"full":  `{"NextToken":"s3cret","Parameters":[{"Name":"/a/b","Value":"` + strings.Repeat("s3cret", 100_000) + `"}]}`,
		"empty": `{"NextToken":"s3cret"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))
			defer server.Close()
			assert.Equal(t, reference.Answer{Problem: "has more below it than an environment holds"}, answerOf(t, server, reference.Below+"/a"))
		})
	}
}

// TestBoundedCredentials has a source of credentials whose answer does not end.
func TestBoundedCredentials(t *testing.T) {
	e := &endless{status: 200, start: `{"AccessKeyId":"`}
	server := httptest.NewServer(e)
	defer server.Close()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL)
	c, err := New(t.Context(), config.WithRegion("us-east-1"))
	require.NoError(t, err)
	_, err = c.config.Credentials.Retrieve(t.Context())
	assert.ErrorContains(t, err, "the answer is larger than 16384 KiB")

	// Lambda's own API under SnapStart is asked by a client of its own.
	t.Setenv("AWS_LAMBDA_RUNTIME_API", strings.TrimPrefix(server.URL, "http://"))
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL+"/2021-04-23/credentials")
	_, err = snapStart().Retrieve(t.Context())
	assert.ErrorContains(t, err, "the answer is larger than 64 KiB")
}

// TestBoundedBody: an answer of just the size is whole.
func TestBoundedBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		left int
		err  error
	}{{"", 0, nil}, {"abc", 4, nil}, {"abc", 3, nil}, {"abc", 2, Problem("the answer is larger than 5 KiB")}} {
		got, err := io.ReadAll(&boundedBody{io.NopCloser(strings.NewReader(c.text)), 5 << 10, c.left})
		assert.Equal(t, c.err, err)
		assert.Equal(t, c.text[:min(c.left, len(c.text))], string(got))
	}
}
