//go:build linux

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/internal/export"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

func TestNewWish(t *testing.T) {
	all := []string{"platform", "function", "extension"}
	for _, c := range []struct {
		name     string
		env      []string
		want     wish
		problems int
	}{
		{"unset", nil, wish{}, 0},
		{"by default", []string{"GRAFT_TELEMETRY=platform"}, wish{types: all[:1], to: []string{"stdout"}}, 0},
		{"everything", []string{"GRAFT_TELEMETRY=extension,platform,function", "GRAFT_TELEMETRY_TO=otlp,emf,stdout", "GRAFT_TELEMETRY_FLUSH=end"},
			wish{types: all, to: []string{"stdout", "emf", "otlp"}, mode: export.End}, 0},
		{"nothing left", []string{"GRAFT_TELEMETRY=s3cret"}, wish{}, 1},
		{"Managed Instances", []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end", "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances"},
			wish{types: all[:1], to: []string{"stdout"}, mode: export.Timed}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, problems := newWish(inject.Env(c.env))
			got.env = nil
			assert.Equal(t, c.want, got)
			assert.Len(t, problems, c.problems)
		})
	}
}

// TestSubscription: what Lambda is asked for, and that no answer to it costs
// more than a line.
func TestSubscription(t *testing.T) {
	var asked string
	body := func(then reply) reply {
		return func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			asked = string(text)
			then(w, r)
		}
	}
	well := status(200, `"OK"`)
	const undelivered = "telemetry: end of the invocation: not even its start is delivered: not waiting"
	for _, c := range []struct {
		name  string
		env   []string
		reply reply
		want  string // of what is asked for
		said  string
	}{
		{"well", nil, well, `"types":["platform"]`, ""},
		{"async", nil, well, `"timeoutMs":1000`, ""},
		{"end", []string{"GRAFT_TELEMETRY_FLUSH=end"}, well, `"timeoutMs":25`, undelivered},
		{"end, without platform events", []string{"GRAFT_TELEMETRY_FLUSH=end", "GRAFT_TELEMETRY=function", "GRAFT_TELEMETRY_TO=otlp"}, well, `"types":["function","platform"]`, undelivered},
		{"none here", []string{"GRAFT_LOG=info"}, status(202, `{}`), `"schemaVersion":"2025-01-29"`, "subscribe: no Telemetry API here"},
		{"none here, quiet", nil, status(202, `{}`), `"maxItems":1000`, ""},
		{"400", nil, refuse(400, "ValidationError"), "http://sandbox.localdomain:", "no telemetry: subscribe: status 400: ValidationError: no"},
		{"403", nil, refuse(403, "Telemetry.SubscriptionClosed"), "", "no telemetry: subscribe: status 403: Telemetry.SubscriptionClosed: no"},
		{"500", nil, refuse(500, ""), "", "no telemetry: subscribe: status 500: no"},
		{"garbage", nil, status(200, "<html>"), "", ""},
		{"hangs up", nil, hangUp, "", "no telemetry: subscribe: EOF"},
		{"never answers", nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", "no telemetry: subscribe: context deadline exceeded"},
		{"wrong settings of otlp", []string{"GRAFT_TELEMETRY_TO=otlp", "OTEL_EXPORTER_OTLP_ENDPOINT=s3cret"}, well, "",
			"telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: not an http or https address: ignored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked = ""
			a := serve(t, &api{subscribe: body(c.reply), next: []reply{invoke, invoke}})
			l := newLife(a, nil, append(c.env, "GRAFT_TELEMETRY=platform")...)
			w := &watch{stdout: &l.out, say: func(line string) { io.WriteString(&l.said, linePrefix+line+"\n") }}
			l.telemetry = w
			l.live(t)
			assert.Contains(t, asked, c.want)
			_, next := a.calls()
			assert.Equal(t, 3, next)
			if c.said != "" {
				c.said = linePrefix + c.said + "\n"
			}
			// On a busy machine the limit may be over before the call says so.
			said := strings.Replace(l.said.String(), "not done after 1s: going on without waiting", "subscribe: context deadline exceeded", 1)
			assert.Equal(t, c.said, said)
		})
	}
}

// A scene is a function under the local environment with telemetry.
type scene struct {
	*function
	extension testbed.Journal
	env       *local.Environment
	collector *collector
	forked    bool
}

// printed is all that a function's log group would have.
func (s *scene) printed() string { return s.out.String() + s.err.String() + s.extension.String() }

// newScene is one that is not started yet.
func newScene(t *testing.T, forked bool, files map[string]string, env ...string) *scene {
	t.Helper()
	make := layer
	if forked {
		make = forkedLayer
	}
	s := &scene{function: newFunction(t, make(t, files), env...), forked: forked, collector: newCollector(t)}
	s.Env = append(s.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.collector.url)
	s.Managed = forked
	s.Freeze = slices.Contains(env, "FREEZE=1")
	s.ExtensionOutput = func(string) io.Writer { return &s.extension }
	return s
}

// scenes runs a test with the companion as Lambda starts it and as the wrapper
// does.
func scenes(t *testing.T, files map[string]string, env []string, test func(t *testing.T, s *scene)) {
	for _, mode := range []string{"external", "forked"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, mode == "forked", files, env...)
			s.env = s.start(t)
			test(t, s)
		})
	}
}

// invoke sends an event, which must go well, and returns the ids of its trace
// and of the span that it is part of.
func (s *scene) invoke(t *testing.T) (trace, parent string) {
	t.Helper()
	response, err := s.env.Invoke(t.Context(), []byte(`"hello"`))
	require.NoError(t, err)
	require.Empty(t, response.FunctionError, s.printed())
	return traceOf(response)
}

// traceOf returns the ids of an invocation's trace and of its parent span.
func traceOf(response local.Response) (trace, parent string) {
	for part := range strings.SplitSeq(response.TraceHeader, ";") {
		if root, ok := strings.CutPrefix(part, "Root=1-"); ok {
			trace = strings.ReplaceAll(root, "-", "")
		}
		if id, ok := strings.CutPrefix(part, "Parent="); ok {
			parent = id
		}
	}
	return trace, parent
}

// TestTelemetryEnd: with end, what was accepted is sent before the invocation
// is over; the rest, which Lambda tells only then, with the next.
func TestTelemetryEnd(t *testing.T) {
	scenes(t, nil, []string{"GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=end"}, func(t *testing.T, s *scene) {
		runtimePart := []string{"invoke", "responseDuration", "responseLatency", "runtimeOverhead"}
		first, parent := s.invoke(t)
		assert.Subset(t, s.collector.names(first), runtimePart)
		assert.Equal(t, []string{parent}, s.collector.parents(first, "invoke"))
		assert.Contains(t, s.collector.names(""), "init")
		second, _ := s.invoke(t)
		assert.Subset(t, s.collector.names(second), runtimePart)
		// Without a freeze the environment's own second is enough, too.
		eventually(t, func() bool {
			return slices.Equal(append([]string{"extensionOverhead"}, runtimePart...), s.collector.names(first)) &&
				slices.Equal(append([]string{"extensionOverhead"}, runtimePart...), s.collector.names(second)) &&
				slices.Equal([]string{`function: "hello"`, `function: "hello"`}, s.collector.lines())
		}, "the rest")
		require.NoError(t, s.env.Stop(context.Background()))
		assert.Equal(t, 2, strings.Count(s.printed(), "\n"), s.printed())
	})
}

// TestTelemetryAsync: no invocation waits, and nothing is lost by being frozen
// in between.
func TestTelemetryAsync(t *testing.T) {
	scenes(t, nil, []string{"FREEZE=1", "GRAFT_TELEMETRY=platform,function", "GRAFT_TELEMETRY_TO=otlp"}, func(t *testing.T, s *scene) {
		first, _ := s.invoke(t)
		eventually(t, func() bool {
			s.invoke(t)
			return slices.Contains(s.collector.names(first), "invoke") && slices.Contains(s.collector.names(""), "init")
		}, "sent in a later thaw")
		last, _ := s.invoke(t)
		require.NoError(t, s.env.Stop(context.Background()))
		if !s.forked {
			// Of what an internal extension does at the end, Lambda only waits for
			// the runtime's end.
			assert.Contains(t, s.collector.names(last), "invoke")
		}
		assert.NotContains(t, s.printed(), linePrefix)
	})
}

// TestTelemetryPrinted: each line is one JSON object; what the companion prints
// never comes back to it, what its programs print does.
func TestTelemetryPrinted(t *testing.T) {
	files := map[string]string{"graft.d/50-p.env": "GRAFT_RUN=/opt/p\n", "p": "#!/bin/sh\necho from a program\nexec sleep 1000\n"}
	scenes(t, files, []string{"GRAFT_TELEMETRY=platform,function,extension,s3cret", "GRAFT_TELEMETRY_TO=stdout,emf,otlp", "GRAFT_TELEMETRY_FLUSH=end"}, func(t *testing.T, s *scene) {
		s.invoke(t)
		trace, _ := s.invoke(t)
		s.invoke(t)
		kinds := map[string]int{}
		eventually(t, func() bool {
			clear(kinds)
			for line := range strings.Lines(s.printed()) {
				var object struct {
					Graft, Type string
					AWS         json.RawMessage `json:"_aws"`
				}
				if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &object) != nil {
					continue
				}
				kinds[object.Graft+" "+object.Type]++
				if object.Graft == "emf" && len(object.AWS) == 0 {
					kinds["emf without _aws"]++
				}
			}
			return kinds["platform platform.runtimeDone"] == 3 && kinds["emf platform.report"] >= 2 && slices.Contains(s.collector.names(trace), "invoke")
		}, "all is printed")
		assert.Equal(t, 1, kinds["platform platform.initStart"])
		assert.Equal(t, 1, kinds["emf platform.initReport"])
		assert.Zero(t, kinds["emf without _aws"])
		eventually(t, func() bool { return strings.Count(strings.Join(s.collector.lines(), "\n"), `function: "hello"`) == 3 }, "the last line is there")
		lines := s.collector.lines()
		assert.Contains(t, lines, "p: from a program")
		assert.Len(t, lines, 4, "of the companion's own none")
		assert.Equal(t, 1, strings.Count(s.printed(), linePrefix), s.printed())
		assert.Contains(t, s.printed(), linePrefix+"GRAFT_TELEMETRY: name 4 is none of platform, function, extension: left out\n")
	})
}

// TestTelemetryReset: a runtime that crashes is telemetry like any other.
func TestTelemetryReset(t *testing.T) {
	scenes(t, nil, []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_TO=otlp", "GRAFT_TELEMETRY_FLUSH=end"}, func(t *testing.T, s *scene) {
		s.invoke(t)
		assert.Equal(t, "Runtime.ExitError", send(t, s.env, "crash"))
		after, _ := s.invoke(t)
		assert.Contains(t, s.collector.names(after), "invoke")
		assert.NotContains(t, s.printed(), linePrefix)
	})
}
