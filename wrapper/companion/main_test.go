//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/layers"
)

const (
	limit = 30 * time.Second
	step  = 2 * time.Millisecond
)

// scratch is a folder for the whole run of this test program.
var scratch string

func TestMain(m *testing.M) {
	local.Main()
	switch filepath.Base(os.Args[0]) {
	case runtimeName:
		serveAtOnce()
		return
	case stopwatch:
		if err := watchStarts(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if filepath.Base(os.Args[0]) == companionName {
		begin(panickingMachine())
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "graft-companion-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(scratch)
	os.Exit(status)
}

// programs are the real ones, built as they ship, at most once each, by package
// and architecture.
var programs sync.Map

func programFor(t testing.TB, pkg, arch string) string {
	t.Helper()
	out := filepath.Join(scratch, arch, filepath.Base(pkg))
	built, _ := programs.LoadOrStore(out, sync.OnceValue(func() error {
		return layers.BuildProgram(context.Background(), pkg, arch, out)
	}))
	require.NoError(t, built.(func() error)())
	return out
}

func companionFor(t testing.TB, arch string) string { return programFor(t, "wrapper/companion", arch) }

// A reply is one answer of a faulty API.
type reply func(w http.ResponseWriter, r *http.Request)

// status answers with a status and a body.
func status(code int, body string) reply {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func refuse(code int, errorType string) reply {
	return status(code, `{"errorType":"`+errorType+`","errorMessage":"no"}`)
}

// hangUp closes the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// cutShort promises more than it sends.
func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, `{"eventType":"INVOKE"`)
}

// slow takes its time, then answers.
func slow(then reply) reply {
	return func(w http.ResponseWriter, r *http.Request) {
		<-time.After(300 * time.Millisecond)
		then(w, r)
	}
}

// times repeats a reply.
func times(n int, r reply) []reply { return slices.Repeat([]reply{r}, n) }

func accept(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Lambda-Extension-Identifier", "the-id")
	io.WriteString(w, `{"functionName":"f","functionVersion":"1","handler":"a.b"}`)
}

func invoke(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, `{"eventType":"INVOKE","requestId":"r","deadlineMs":%d}`, time.Now().Add(limit).UnixMilli())
}

// shutdown is the event that ends everything, left before the deadline.
func shutdown(left time.Duration) reply {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"eventType":"SHUTDOWN","shutdownReason":"sp!nD0wn","deadlineMs":%d}`, time.Now().Add(left).UnixMilli())
	}
}

// An api is an Extensions API that answers as it is told: one reply after the
// other, then as Lambda does, with SHUTDOWN as the only event.
type api struct {
	address        string
	register, next []reply

	// runtime, if not nil, answers the Runtime API.
	runtime reply
	// subscribe answers the Telemetry API; nil: as AWS's emulator does.
	subscribe reply

	mu         sync.Mutex
	names      []string    // that asked to register
	events     []string    // that they asked for, as JSON
	registered []time.Time // when they asked
	asked      []time.Time // when next was called
}

func serve(t testing.TB, a *api) *api {
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	a.address = strings.TrimPrefix(srv.URL, "http://")
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/2018-06-01/") && a.runtime != nil {
		a.runtime(w, r)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/telemetry") {
		if a.subscribe == nil {
			a.subscribe = status(202, "{}")
		}
		a.subscribe(w, r)
		return
	}
	a.mu.Lock()
	answer := reply(accept)
	if strings.HasSuffix(r.URL.Path, "/register") {
		var body struct{ Events json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&body)
		a.names = append(a.names, r.Header.Get("Lambda-Extension-Name"))
		a.events = append(a.events, string(body.Events))
		a.registered = append(a.registered, time.Now())
		if n := len(a.names); n <= len(a.register) {
			answer = a.register[n-1]
		}
	} else {
		a.asked = append(a.asked, time.Now())
		answer = shutdown(time.Second)
		if n := len(a.asked); n <= len(a.next) {
			answer = a.next[n-1]
		}
		if r.Header.Get("Lambda-Extension-Identifier") != "the-id" {
			answer = refuse(403, "Extension.UnknownExtensionIdentifier")
		}
	}
	a.mu.Unlock()
	answer(w, r)
}

// calls returns how often each was called.
func (a *api) calls() (register, next int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.registered), len(a.asked)
}
