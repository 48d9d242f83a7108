package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kept is what a listener accepted and said.
type kept struct {
	mu     sync.Mutex
	events []Event
	lines  []string
}

func (k *kept) accept(events []Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = append(k.events, events...)
}

func (k *kept) say(line string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, line)
}

func unresolved(context.Context, string) ([]string, error) { return nil, errors.New("no such host") }

func listen(t *testing.T, cfg Receiver) *Listener {
	t.Helper()
	if cfg.Resolve == nil {
		cfg.Resolve = unresolved
	}
	l, err := Listen(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func deliver(t *testing.T, l *Listener, body io.Reader) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.Addr().String()+"/any", body)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return response.StatusCode
}

func TestListenerOutlivesBadDeliveries(t *testing.T) {
	t.Parallel()
	good := `[{"time":"2022-08-02T12:01:23.521Z","type":"function","record":"hello"}]`
	giant := `[{"type":"function","record":"` + strings.Repeat("x", DefaultMaxBody) + `"}]`
	for _, test := range []struct {
		name string
		body io.Reader
		want int
		see  Intake
	}{
		{"good", strings.NewReader(good), 200, Intake{Batches: 1, Accepted: 1}},
		{"empty", strings.NewReader(""), 200, Intake{Batches: 1}},
		{"empty array", strings.NewReader("[]"), 200, Intake{Batches: 1}},
		{"not JSON", strings.NewReader("hello"), 400, Intake{Malformed: 1}},
		{"an object", strings.NewReader("{}"), 400, Intake{Malformed: 1}},
		{"malformed after one", strings.NewReader(good[:len(good)-1] + ",{"), 200, Intake{Batches: 1, Accepted: 1, Malformed: 1}},
		{"elements that are none", strings.NewReader(`[null,{}]`), 200, Intake{Batches: 1, Skipped: 2}},
		{"giant", strings.NewReader(giant), 413, Intake{TooLarge: 1}},
		{"giant, of unknown length", io.MultiReader(strings.NewReader(giant)), 413, Intake{TooLarge: 1}},
		{"our own line", strings.NewReader(`[{"type":"extension","record":"graft: hello"}]`), 200, Intake{Batches: 1, Own: 1}},
		{"deep", strings.NewReader(strings.Repeat("[", 100_000)), 400, Intake{Malformed: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got kept
			l := listen(t, Receiver{Accept: got.accept, Log: got.say, Own: NewOwn("graft: ")})
			assert.Equal(t, test.want, deliver(t, l, test.body))
			assert.Equal(t, test.see, l.Counts())
			assert.Equal(t, 200, deliver(t, l, strings.NewReader(good)), "it goes on")
			require.NoError(t, l.Drain(t.Context()))
			for _, line := range got.lines {
				assert.NotContains(t, line, "hello")
			}
		})
	}
}

func TestListenerLimitsItsLines(t *testing.T) {
	t.Parallel()
	var got kept
	l := listen(t, Receiver{Accept: got.accept, Log: got.say})
	for range 50 {
		deliver(t, l, strings.NewReader("garbage"))
	}
	assert.Equal(t, []string{"telemetry: a delivery is not an array of events"}, got.lines)
	assert.EqualValues(t, 50, l.Counts().Malformed)
}

func TestListenerOutlivesPanics(t *testing.T) {
	t.Parallel()
	var got kept
	l := listen(t, Receiver{Accept: func([]Event) { panic("oh no") }, Log: got.say})
	for range 3 {
		assert.Equal(t, 500, deliver(t, l, strings.NewReader(`[{"type":"function","record":""}]`)))
	}
	assert.Equal(t, []string{"telemetry: listener: internal error, please report it (a panic of type string)"}, got.lines)
}

func TestListenerOutlivesASenderThatLeaves(t *testing.T) {
	t.Parallel()
	var got kept
	l := listen(t, Receiver{Accept: got.accept, Log: got.say})
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[{")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")), "%s", answer)
	require.NoError(t, conn.Close())
	assert.Equal(t, 200, deliver(t, l, strings.NewReader("[]")))
}

func TestListenerAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		hosts []string
		want  string
	}{
		{"unresolved", nil, "127.0.0.1"},
		{"resolved", []string{"127.0.0.2"}, "127.0.0.2"},
		{"not of this machine", []string{"203.0.113.7"}, "127.0.0.1"},
		{"second is", []string{"203.0.113.7", "127.0.0.3"}, "127.0.0.3"},
		{"everyone", []string{"0.0.0.0", "::"}, "127.0.0.1"},
		{"nonsense", []string{"hello"}, "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := listen(t, Receiver{Accept: func([]Event) {}, Resolve: func(_ context.Context, host string) ([]string, error) {
				assert.Equal(t, "sandbox.localdomain", host)
				return test.hosts, nil
			}})
			host, port, err := net.SplitHostPort(l.Addr().String())
			require.NoError(t, err)
			assert.Equal(t, test.want, host)
			assert.Equal(t, "http://sandbox.localdomain:"+port+"/", l.URI())
			require.NoError(t, l.Drain(t.Context()))
			require.NoError(t, l.Close())
			_, err = net.Dial("tcp", l.Addr().String())
			assert.Error(t, err)
		})
	}
}

// A resolver that hangs costs a second at most.
func TestListenerDoesNotWaitForTheResolver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err := Listen(ctx, Receiver{Accept: func([]Event) {}, Resolve: func(ctx context.Context, _ string) ([]string, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	require.NoError(t, err)
	require.NoError(t, ctx.Err())
	require.NoError(t, l.Close())
}

func TestListenerMethods(t *testing.T) {
	t.Parallel()
	l := listen(t, Receiver{Accept: func([]Event) {}})
	response, err := http.Get("http://" + l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, 405, response.StatusCode)
	assert.Equal(t, "POST, PUT", response.Header.Get("Allow"))
}
