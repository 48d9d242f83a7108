package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A function of each language that tells which version runs it, on what
// command line where it can.
var functions = map[string]struct{ file, handler, source string }{
	"nodejs": {"app.js", "app.handler",
		`exports.handler = async (e) => ({ event: e, version: process.versions.node });`},
	"python": {"app.py", "app.handler", `
import platform
def handler(event, context):
    return {"event": event, "version": platform.python_version()}
`},
	"java": {"App.java", "App::handle", `
import java.util.*;
public class App {
  public Map<String, Object> handle(Map<String, Object> event) {
    Map<String, Object> m = new HashMap<>();
    m.put("event", event);
    m.put("version", System.getProperty("java.version"));
    return m;
  }
}
`},
	"dotnet": {"App.cs", "App::Demo.Function::Handle", `
using System;
using System.IO;
namespace Demo {
  public class Function {
    public string Handle(string e) {
      string dir = Path.GetDirectoryName(typeof(object).Assembly.Location);
      return "{\"event\":" + e + ",\"version\":\"" + Path.GetFileName(dir) + "\"}";
    }
  }
}
`},
	"ruby": {"app.rb", "app.handler", `
def handler(event:, context:)
  { event: event, version: RUBY_VERSION }
end
`},
	"other": {"bootstrap", "none", `#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
headers=$(mktemp -p "$LAMBDA_TASK_ROOT") || exit 1
while :; do
  event=$(curl -sS -D "$headers" "$api/next") || exit 1
  id=$(tr -d '\r' <"$headers" | sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  curl -sS -o /dev/null -d "{\"event\":$event,\"version\":\"\"}" "$api/$id/response"
done
`},
}

const (
	waitLimit = 30 * time.Second
	waitStep  = 50 * time.Millisecond
)

// TestRuntimes starts every runtime as Lambda would, in a mount namespace, and
// has it answer two events.
func TestRuntimes(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	for _, name := range b.Names() {
		t.Run(name, func(t *testing.T) {
			rt := Need(t, b, name)
			NeedErr(t, namespaces())
			assert.Equal(t, name, rt.Name)
			assert.True(t, strings.HasPrefix(name, rt.Language) || rt.Language == "other", rt.Language)
			invoke(t, b, rt)
		})
	}
}

// TestFound does the same with what the machine has.
func TestFound(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	NeedErr(t, namespaces())
	for _, rt := range b.Found(t.Context()) {
		t.Run(rt.Name, func(t *testing.T) { invoke(t, b, rt) })
	}
}

// invoke builds the language's function and runs it on rt against a Runtime
// API with two events.
func invoke(t *testing.T, b *Bed, rt Runtime) {
	t.Helper()
	task := t.TempDir()
	f := functions[rt.Language]
	source := filepath.Join(task, f.file)
	require.NoError(t, os.WriteFile(source, []byte(f.source), 0o755))
	switch rt.Language {
	case "java":
		NeedErr(t, b.CompileJava(t.Context(), task, 11, nil, source))
	case "dotnet":
		NeedErr(t, b.CompileCSharp(t.Context(), filepath.Join(task, "App.dll"), source))
	case "other":
		NeedTool(t, "curl")
	}

	got := runFunction(t, rt, task, f.handler, rt.Command(f.handler), `{"n":1}`, `{"n":2}`)
	for i, answer := range got {
		var a struct {
			Event   struct{ N int }
			Version string
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &a), answer)
		assert.Equal(t, i+1, a.Event.N)
		// A Java version of PyPI's has one more part than Java's own.
		assert.True(t, a.Version == rt.Version || a.Version != "" && strings.HasPrefix(rt.Version, a.Version), "%s is not %s", a.Version, rt.Version)
	}
}

// runFunction starts argv on rt and returns its answers to the events.
func runFunction(t *testing.T, rt Runtime, task, handler string, argv []string, events ...string) []string {
	t.Helper()
	api := newRuntimeAPI(events)
	server := httptest.NewServer(api)
	defer server.Close()
	defer close(api.stop)

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	mounts := append(rt.Mounts[:len(rt.Mounts):len(rt.Mounts)], Mount{task, "/var/task"})
	line := namespaced(t.TempDir(), mounts, argv...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(rt.Env,
		"AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"),
		"_HANDLER="+handler,
		"LAMBDA_TASK_ROOT=/var/task",
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1024", "AWS_REGION=us-east-1",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f", "AWS_LAMBDA_LOG_STREAM_NAME=s")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	var answers []string
	for range events {
		select {
		case answer := <-api.answers:
			answers = append(answers, answer)
		case err := <-ended:
			t.Fatalf("%q ended: %v\n%s", argv, err, log.String())
		}
	}
	cancel()
	<-ended
	return answers
}

// A runtimeAPI hands out its events one by one, then holds the next request.
type runtimeAPI struct {
	http.ServeMux
	mu      sync.Mutex
	events  []string
	answers chan string
	stop    chan struct{}
}

func newRuntimeAPI(events []string) *runtimeAPI {
	a := &runtimeAPI{events: events, answers: make(chan string, len(events)+1), stop: make(chan struct{})}
	a.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		event := ""
		if len(a.events) > 0 {
			event, a.events = a.events[0], a.events[1:]
		}
		a.mu.Unlock()
		if event == "" {
			select {
			case <-a.stop:
			case <-r.Context().Done():
			}
			return
		}
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		h.Set("Lambda-Runtime-Deadline-Ms", "4102444800000")
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1")
		h.Set("Content-Type", "application/json")
		io.WriteString(w, event)
	})
	take := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		a.answers <- string(body)
	}
	a.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", take)
	a.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", take)
	a.HandleFunc("POST /2018-06-01/runtime/init/error", take)
	return a
}
