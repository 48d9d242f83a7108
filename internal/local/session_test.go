//go:build linux

package local_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A session is an environment whose runtime and whose one external extension,
// "ext", only sleep: it is the test that makes their requests. So the same
// requests can be made to this package and to AWS's emulator.
type session struct {
	t    *testing.T
	ctx  context.Context
	base string      // of the API
	up   chan string // gets its address
	mu   sync.Mutex
	got  map[string]seen
	// invoke makes an invocation, of which the environment is the first to
	// know, and returns the body that the caller gets.
	invoke func(payload string) string
}

// A seen is what a request got, without what differs each time.
type seen struct {
	Status            int
	ContentType       string
	Allow, RuntimeARN string
	Body              string
}

const sameTrace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// sleeper tells the address of the API and sleeps.
const sleeper = "#!/bin/bash\necho at $AWS_LAMBDA_RUNTIME_API\nexec sleep 1000\n"

// begin makes an invocation and returns when the first process of the
// environment runs. The channel gets the answer.
func (s *session) begin(payload string) <-chan string {
	answer := s.start(payload)
	s.reach()
	return answer
}

// reach returns when the first process of the environment runs.
func (s *session) reach() {
	select {
	case address := <-s.up:
		s.base = "http://" + address
	case <-s.ctx.Done():
		require.NoError(s.t, s.ctx.Err())
	}
}

// start makes an invocation. The channel gets the answer.
func (s *session) start(payload string) <-chan string {
	answer := make(chan string, 1)
	go func() { answer <- s.invoke(payload) }()
	return answer
}

// Write takes the output of the processes.
func (s *session) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		if address, ok := strings.CutPrefix(strings.TrimSpace(line), "at "); ok {
			select {
			case s.up <- address:
			default:
			}
		}
	}
	return len(p), nil
}

func newSession(t *testing.T, ctx context.Context) *session {
	return &session{t: t, ctx: ctx, up: make(chan string, 1), got: make(map[string]seen)}
}

var varying = []struct {
	is   *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`\b1\d{12}\b`), "<ms>"},
}

// send makes a request, without keeping what it got.
func (s *session) send(method, path, body string, headers ...string) (seen, http.Header) {
	request, err := http.NewRequestWithContext(s.ctx, method, s.base+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return seen{Body: "no answer: " + err.Error()}, nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return seen{Body: "broken answer: " + err.Error()}, nil
	}
	got := seen{
		Status: response.StatusCode, ContentType: response.Header.Get("Content-Type"), Allow: response.Header.Get("Allow"),
		RuntimeARN: response.Header.Get("Lambda-Runtime-Invoked-Function-Arn"), Body: string(text),
	}
	for _, v := range varying {
		got.Body = v.is.ReplaceAllString(got.Body, v.name)
	}
	return got, response.Header
}

// step makes a request and keeps what it got under the name.
func (s *session) step(name, method, path, body string, headers ...string) http.Header {
	got, header := s.send(method, path, body, headers...)
	s.keep(name, got)
	return header
}

// open is step for a request that waits. The channel has its header at its end.
func (s *session) open(name, method, path string, headers ...string) <-chan http.Header {
	done := make(chan http.Header, 1)
	go func() {
		got, header := s.send(method, path, "", headers...)
		s.keep(name, got)
		done <- header
	}()
	return done
}

// keep notes what a request got; nothing if it has no name.
func (s *session) keep(name string, got seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "" {
		s.got[name] = got
	}
}

// until repeats a request until its answer contains the text, and fails the
// test if it never does.
func (s *session) until(text, method, path, body string, headers ...string) {
	for s.ctx.Err() == nil {
		if got, _ := s.send(method, path, body, headers...); strings.Contains(got.Body, text) {
			return
		}
	}
	require.Fail(s.t, "no answer with "+text)
}

// result returns what a request that waits ended with.
func (s *session) result(done <-chan http.Header) http.Header {
	select {
	case header := <-done:
		return header
	case <-s.ctx.Done():
		require.NoError(s.t, s.ctx.Err())
		return nil
	}
}
