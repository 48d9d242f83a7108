//go:build linux

package local_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

// bashExtension are the calls of the Extensions API as shell functions.
const bashExtension = `#!/bin/bash
	api=http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension
	register() { # EVENTS
		id=$(curl -sS -D - -o /dev/null -H "Lambda-Extension-Name: ${0##*/}" -d "{\"events\":[$1]}" "$api/register" |
			tr -d '\r' | sed -n 's/^Lambda-Extension-Identifier: //ip')
		echo "registered ${id:+ok}"
	}
	next() { event=$(curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next"); echo "$event"; }
	report() { # init|exit TYPE
		curl -sS -o /dev/null -H "Lambda-Extension-Identifier: $id" -H "Lambda-Extension-Function-Error-Type: $2" -X POST "$api/$1/error"
	}
	loop() { while next; do [[ $event == *SHUTDOWN* ]] && exit 0; done; }
`

// extensions makes a layer with these extensions, in bash.
func extensions(t *testing.T, scripts map[string]string) string {
	t.Helper()
	content := make(map[string]string)
	for name, script := range scripts {
		content["extensions/"+name] = bashExtension + script
	}
	dir := files(t, content)
	for name := range scripts {
		require.NoError(t, os.Chmod(filepath.Join(dir, "extensions", name), 0o755))
	}
	return dir
}

// outputs collects what extensions write, by name.
type outputs struct {
	mu sync.Mutex
	of map[string]*buffer
}

func (o *outputs) writer(name string) io.Writer {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil {
		o.of = make(map[string]*buffer)
	}
	if o.of[name] == nil {
		o.of[name] = &buffer{}
	}
	return o.of[name]
}

func (o *outputs) lines(name string) []string {
	text := strings.TrimSuffix(o.writer(name).(*buffer).String(), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// shutdowns returns the reasons of the SHUTDOWN events among the lines.
func shutdowns(lines []string) (reasons []string) {
	for _, line := range lines {
		var e struct{ EventType, ShutdownReason string }
		if json.Unmarshal([]byte(line), &e) == nil && e.EventType == "SHUTDOWN" {
			reasons = append(reasons, e.ShutdownReason)
		}
	}
	return reasons
}

// with returns goFunction with bash extensions whose output goes to o.
func with(t *testing.T, o *outputs, scripts map[string]string) local.Function {
	needIsolation(t)
	needCurl(t)
	f := goFunction(t)
	f.Layers = []string{extensions(t, scripts)}
	f.ExtensionOutput = o.writer
	f.InitTimeout = deadline
	return f
}

const both, onlyInvoke, onlyShutdown, nothing = `register '"INVOKE","SHUTDOWN"'; loop`, `register '"INVOKE"'; loop`, `register '"SHUTDOWN"'; loop`, `register; loop`

func TestExtensionEvents(t *testing.T) {
	t.Parallel()
	var o outputs
	f := with(t, &o, map[string]string{"both.sh": both, "invoke": onlyInvoke, "shutdown": onlyShutdown, ".nothing": nothing})
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	assert.Equal(t, local.PhaseReady, e.Phase())
	first := send(t, e, event{Do: "echo", Arg: "1"})
	second := send(t, e, event{Do: "echo", Arg: "2"}, local.Trace(""))
	assert.Equal(t, `"2"`, string(second.Body))
	assert.LessOrEqual(t, second.Answered, second.Duration)
	assert.LessOrEqual(t, second.Duration, second.Whole)
	before := time.Now()
	require.NoError(t, e.Stop(context.Background()))
	assert.Less(t, time.Since(before), deadline)

	type got struct {
		EventType          string
		DeadlineMs         int64
		RequestID          string `json:"requestId"`
		InvokedFunctionArn string
		Tracing            *struct{ Type, Value string }
		ShutdownReason     string
	}
	lines := o.lines("both.sh")
	require.Len(t, lines, 4, lines)
	assert.Equal(t, "registered ok", lines[0])
	for i, r := range []local.Response{first, second} {
		var e got
		require.NoError(t, json.Unmarshal([]byte(lines[i+1]), &e))
		assert.Equal(t, r.RequestID, e.RequestID)
		assert.Equal(t, "INVOKE", e.EventType)
		assert.Equal(t, "arn:aws:lambda:us-east-1:012345678912:function:greet", e.InvokedFunctionArn)
		assert.WithinDuration(t, before.Add(deadline), time.UnixMilli(e.DeadlineMs), deadline)
		if i == 0 {
			assert.Equal(t, "X-Amzn-Trace-Id", e.Tracing.Type)
			assert.Equal(t, r.TraceHeader, e.Tracing.Value)
		} else {
			assert.NotContains(t, lines[i+1], "tracing")
		}
	}
	assert.Regexp(t, `^\{"eventType":"SHUTDOWN","deadlineMs":\d{13},"shutdownReason":"spindown"\}$`, lines[3])
	assert.Len(t, o.lines("invoke"), 3)
	assert.Equal(t, []string{"spindown"}, shutdowns(o.lines("shutdown")))
	assert.Len(t, o.lines("shutdown"), 2)
	assert.Equal(t, []string{"registered ok"}, o.lines(".nothing"))
}

func TestExtensionEnvironment(t *testing.T) {
	t.Parallel()
	var o outputs
	f := with(t, &o, map[string]string{"show": `env -0 | cut -z -d= -f1 | sort -z | tr '\0' ' '; echo
		echo "$OWN $PWD $# $0"; [[ $(cut -d' ' -f5 /proc/self/stat) == $$ ]] && echo leader; ls /opt/extensions; ` + both})
	f.Env = []string{"OWN=x", "AWS_EXECUTION_ENV=y", "_HANDLER=z"}
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	require.NoError(t, e.Stop(context.Background()))
	lines := o.lines("show")
	require.GreaterOrEqual(t, len(lines), 4)
	assert.Equal(t, "AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME "+
		"AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_RUNTIME_API AWS_REGION AWS_SECRET_ACCESS_KEY "+
		"AWS_SESSION_TOKEN LANG LD_LIBRARY_PATH OWN PATH PWD SHLVL TZ _ ", lines[0]) // PWD, SHLVL and _ are bash's
	assert.Equal(t, []string{"x / 0 /opt/extensions/show", "leader", "show", "registered ok"}, lines[1:5])
}

func TestExtensionOrder(t *testing.T) {
	t.Parallel()
	order := t.TempDir() + "/order"
	note := func(what string) string { return `echo ` + what + ` >>` + order + `; ` }
	var o outputs
	scripts := map[string]string{"b": both, "A": both, "c": `for i in {1..30}; do (:); done; ` + note("c registers") + `register; loop`}
	f := with(t, &o, scripts)
	f.Command = []string{"/bin/bash", "-c", note("runtime") + bashClient + `while next; do answer 1; done`}
	f.Mounts = nil
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	require.NoError(t, e.Stop(context.Background()))
	text, err := os.ReadFile(order)
	require.NoError(t, err)
	assert.Equal(t, "c registers\nruntime\n", string(text))
	assert.Equal(t, slices.Sorted(maps.Keys(scripts)), slices.Sorted(maps.Keys(o.of)))
}

// The outcome of what goes wrong in an init.
func TestExtensionInitFails(t *testing.T) {
	t.Parallel()
	many := make(map[string]string)
	for i := range 11 {
		many[strconv.Itoa(i)] = both
	}
	tests := []struct {
		name      string
		scripts   map[string]string
		errorType string
		message   string
		exit      local.Exit
	}{
		{"exit before register", map[string]string{"x": `exit 7`, "y": both}, "Extension.Crash", "exit status 7", local.Exit{Code: 7}},
		{"exit 0", map[string]string{"x": `exit 0`}, "Extension.Crash", "exit code 0", local.Exit{}},
		{"killed", map[string]string{"x": `kill -9 $$`}, "Extension.Crash", "signal: killed", local.Exit{Code: -1, Signal: syscall.SIGKILL}},
		{"exit after register", map[string]string{"x": `register; exit 3`}, "Extension.Crash", "exit status 3", local.Exit{Code: 3}},
		{"init error", map[string]string{"x": `register; report init My.Error; exit 4`}, "Extension.InitError", "exit status 4", local.Exit{Code: 4}},
		{"exit error", map[string]string{"x": `register; report exit My.Error; exit 5`}, "Extension.ExitError", "exit status 5", local.Exit{Code: 5}},
		{"the first error counts", map[string]string{"x": `register; report init A.B; report exit C.D; exit 6`}, "Extension.InitError", "exit status 6", local.Exit{Code: 6}},
		{"too many", many, "Extension.LaunchError", "ErrTooManyExtensions", local.Exit{Code: -1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var o outputs
			_, err := local.Start(bounded(t), with(t, &o, test.scripts))
			var failure *local.InitError
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, test.errorType, failure.Type)
			assert.Equal(t, test.message, failure.Message)
			assert.Equal(t, test.exit, local.Exit{Code: failure.ExitCode, Signal: failure.Signal})
		})
	}
}

func TestExtensionNotLaunched(t *testing.T) {
	t.Parallel()
	for name, layer := range map[string]map[string]string{
		"not executable":   {"extensions/x": "#!/bin/sh\n"},
		"dangling link":    {"extensions/x": "->nowhere"},
		"link to a folder": {"extensions/x": "->sub", "extensions/sub/": ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := with(t, &outputs{}, nil)
			f.Layers = []string{files(t, layer)}
			_, err := local.Start(bounded(t), f)
			var failure *local.InitError
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, "Extension.LaunchError", failure.Type)
		})
	}
	f := with(t, &outputs{}, nil)
	f.Layers = []string{files(t, map[string]string{"extensions/sub/x": "a folder is not started"})}
	assert.Equal(t, `"1"`, string(send(t, start(t, f), event{Do: "echo", Arg: "1"}).Body))
}
