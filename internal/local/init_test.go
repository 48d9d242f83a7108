//go:build linux

package local_test

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// bashClient are the calls of the Runtime API as shell functions.
const bashClient = `
	api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
	next() {
		local reply; reply=$(curl -sS -i "$api/invocation/next") || exit 9
		id=$(tr -d '\r' <<<"$reply" | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //ip')
		event=${reply##*$'\r\n\r\n'}
	}
	answer() { curl -sS -o /dev/null -d "$1" "$api/invocation/$id/response"; }
`

func needCurl(t *testing.T) {
	t.Helper()
	testbed.NeedTool(t, "curl")
}

func TestBashRuntime(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	var stdout, stderr buffer
	f := bash(bashClient + `
		echo "init $_HANDLER"; echo warn >&2
		while next; do echo "event $event"; answer "{\"got\":$event}"; done`)
	f.Handler = "index.handler"
	f.Stdout, f.Stderr = &stdout, &stderr
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	for _, payload := range []string{`{"n":1}`, `[2]`} {
		r, err := e.Invoke(bounded(t), []byte(payload))
		require.NoError(t, err)
		assert.Equal(t, `{"got":`+payload+`}`, string(r.Body))
		assert.Empty(t, r.FunctionError)
	}
	require.NoError(t, e.Stop(context.Background()))
	assert.Equal(t, "init index.handler\nevent {\"n\":1}\nevent [2]\n", stdout.String())
	assert.Equal(t, "warn\n", stderr.String())
}

func TestInitFails(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	const post = `curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error" `
	body := `{"errorType":"ImportModuleError","errorMessage":"no module"}`
	posted := func(f local.InitError) local.InitError {
		f.Message, f.Body = "no module", []byte(body)
		return f
	}
	tests := []struct {
		name   string
		script string
		want   local.InitError
	}{
		{"exit 3", `exit 3`, local.InitError{Type: "Runtime.ExitError", Message: "Runtime exited with error: exit status 3", ExitCode: 3}},
		{"exit 0", `exit 0`, local.InitError{Type: "Runtime.ExitError", Message: "Runtime exited without providing a reason"}},
		{"killed", `kill -9 $$`, local.InitError{Type: "Runtime.ExitError", Message: "Runtime exited with error: signal: killed",
			ExitCode: -1, Signal: syscall.SIGKILL}},
		{"init error", post + `-H 'Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError' -d '` + body + `'; exit 1`,
			posted(local.InitError{Type: "Runtime.ImportModuleError", ExitCode: 1})},
		{"init error, type in the body", post + `-d '` + body + `'; exit 2`,
			posted(local.InitError{Type: "ImportModuleError", ExitCode: 2})},
		{"init error, no type", post + `-d 'oh'; exit 2`,
			local.InitError{Type: "Runtime.Unknown", Body: []byte("oh"), ExitCode: 2}},
		{"init error, and does not exit", post + `-d '` + body + `'; trap '' TERM; while :; do read <> <(:); done`,
			posted(local.InitError{Type: "ImportModuleError", ExitCode: -1, Signal: syscall.SIGKILL})},
		{"init error twice", post + `-d '` + body + `'; ` + post + `-d x; exit 1`,
			posted(local.InitError{Type: "ImportModuleError", ExitCode: 1})},
		{"next after init error", post + `-d '` + body + `'; ` + bashClient + `next; exit 1`,
			posted(local.InitError{Type: "ImportModuleError", ExitCode: 1})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := local.Start(bounded(t), bash(test.script))
			var failure *local.InitError
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, test.want, *failure)
		})
	}
}

func TestInitEndsWithContext(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	ctx, cancel := context.WithCancel(bounded(t))
	running := make(started, 1)
	go func() { <-running; cancel() }()
	f := bash(`echo $$; exec sleep 1000`)
	f.Stdout = running
	_, err := local.Start(ctx, f)
	var failure *local.InitError
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, "Sandbox.Timedout", failure.Type)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, syscall.SIGKILL, failure.Signal)
}

func TestNotStarted(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	code := files(t, map[string]string{"text": "not executable", "empty/": ""})
	tests := []struct {
		name     string
		function local.Function
		is       error
		message  string
	}{
		{"no command", local.Function{}, nil, "function: no command"},
		{"no layer", local.Function{Command: []string{"true"}, Layers: []string{code + "/nowhere"}}, fs.ErrNotExist,
			"layer: stat " + code + "/nowhere: no such file or directory"},
		{"layer without a name", local.Function{Command: []string{"true"}, Layers: []string{""}}, nil, "layer: no folder named"},
		{"layer is a file", local.Function{Command: []string{"true"}, Layers: []string{code + "/text"}}, nil,
			`layer: "` + code + `/text": not a folder`},
		{"mount in /tmp", local.Function{Command: []string{"true"}, Mounts: []local.Mount{{Source: code, Target: "/tmp/x"}}}, nil,
			`mount: "/tmp/x": nothing can be mounted in /tmp`},
		{"mount at /", local.Function{Command: []string{"true"}, Mounts: []local.Mount{{Source: code, Target: "/"}}}, nil,
			`mount: "/": not a clean absolute path below /`},
		{"relative mount", local.Function{Command: []string{"true"}, Mounts: []local.Mount{{Source: code, Target: "var"}}}, nil,
			`mount: "var": not a clean absolute path below /`},
		{"mount of nothing", local.Function{Command: []string{"true"}, Mounts: []local.Mount{{Source: code + "/x", Target: "/var/x"}}},
			fs.ErrNotExist, "mount: stat " + code + "/x: no such file or directory"},
		{"two kinds of tmp", local.Function{Command: []string{"true"}, Tmp: code, TmpSize: 1}, nil,
			"function: either a folder or a size for /tmp"},
		{"read-only tmp of the machine", local.Function{Command: []string{"true"}, TmpReadOnly: true}, nil,
			"function: the machine's own /tmp cannot be made read-only"},
		{"command not found", local.Function{Command: []string{"/var/task/nowhere"}}, fs.ErrNotExist,
			"init: Runtime.InvalidEntrypoint: exec: /var/task/nowhere: no such file or directory"},
		{"command not in PATH", local.Function{Command: []string{"nowhere"}}, fs.ErrNotExist,
			"init: Runtime.InvalidEntrypoint: exec: nowhere: no such file or directory"},
		{"command not executable", local.Function{Code: code, Command: []string{"./text"}}, fs.ErrPermission,
			"init: Runtime.InvalidEntrypoint: exec: ./text: permission denied"},
		{"no working directory", local.Function{Command: []string{"true"}, Dir: "/nowhere"}, fs.ErrNotExist,
			"init: Runtime.InvalidWorkingDir: dir: /nowhere: no such file or directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := local.Start(bounded(t), test.function)
			require.EqualError(t, err, test.message)
			if test.is != nil {
				assert.True(t, errors.Is(err, test.is))
			}
		})
	}
}
