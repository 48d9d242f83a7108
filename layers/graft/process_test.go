//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// A process is graft as a shell starts it: in a process group of its own.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr *bufio.Reader
	seen   strings.Builder // of stderr
}

// start starts graft run with a runtime, the extension watch, and arguments.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	needIsolation(t)
	dir := t.TempDir()
	require.NoError(t, program(filepath.Join(dir, "task/bootstrap")))
	require.NoError(t, program(filepath.Join(dir, "layer/extensions/watch")))
	args = append([]string{"graft", "run", "--layer", "layer", "--code", "task"}, append(args, "--", "./bootstrap")...)
	p := &process{cmd: &exec.Cmd{Path: "/proc/self/exe", Args: args, Dir: dir}}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stdout = &p.stdout
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	p.stderr = bufio.NewReader(stderr)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	return p
}

// until reads standard error up to a line that matches, and returns its groups.
func (p *process) until(t *testing.T, pattern string) []string {
	t.Helper()
	for {
		line, err := p.stderr.ReadString('\n')
		p.seen.WriteString(line)
		if found := regexp.MustCompile(pattern).FindStringSubmatch(line); found != nil {
			return found
		}
		require.NoError(t, err, "no line matches %s:\n%s", pattern, &p.seen)
	}
}

// interrupt does what Ctrl-C does, and returns the exit status.
func (p *process) interrupt(t *testing.T) int {
	t.Helper()
	require.NoError(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT))
	rest, err := io.ReadAll(p.stderr)
	require.NoError(t, err)
	p.seen.Write(rest)
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// TestBuildAndRun has a function run with a layer that graft has built, zipped:
// through the wrapper, with the companion beside it.
func TestBuildAndRun(t *testing.T) {
	needIsolation(t)
	dir := t.TempDir()
	require.NoError(t, program(filepath.Join(dir, "task/bootstrap")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "mine/graft.d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine/graft.d/50-mine.env"), []byte("A=from the fragment\n"), 0o644))
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"build", "--arch", runtime.GOARCH, "--out", dir, filepath.Join(dir, "mine")}, &stdout, &stderr), "%s", &stderr)

	stdout.Reset()
	require.Zero(t, run(t.Context(), []string{"run", "--layer", filepath.Join(dir, "mine-"+runtime.GOARCH+".zip"), "--code", filepath.Join(dir, "task"),
		"--env", "AWS_LAMBDA_EXEC_WRAPPER=/opt/graft", "--env", "GRAFT_TELEMETRY=platform", "--env", "GRAFT_TELEMETRY_TO=stdout",
		"--event", `{"env":"A"}`, "--", "./bootstrap"}, &stdout, &stderr), "%s", &stderr)
	assert.Equal(t, "\"from the fragment\"\n", stdout.String())
	assert.Contains(t, stderr.String(), `graft-companion | {"graft":"platform",`)
	assert.Regexp(t, `(?m)^  graft-companion +█+ `, stderr.String())
	assert.NotContains(t, stderr.String(), "skipped")
}

// TestInterrupt presses Ctrl-C in the middle of an invocation: the extension
// is told, what came before is shown.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	p := start(t, "--timeout", "10m", "--event", `{"echo":1}`, "--event", `{"hang":true}`)
	p.until(t, `^function \| hanging`)
	assert.Equal(t, 130, p.interrupt(t))
	assert.Equal(t, "1\n", p.stdout.String())
	assert.Contains(t, p.seen.String(), "watch | SHUTDOWN spindown\n")
	assert.Regexp(t, `(?m)^invoke 2 `, p.seen.String())
	assert.Regexp(t, `(?m)^shutdown `, p.seen.String())
	assert.NotContains(t, p.seen.String(), "graft: ")
}

// TestInterruptInit presses it when there is nothing to show yet.
func TestInterruptInit(t *testing.T) {
	t.Parallel()
	p := start(t, "--handler", "slow")
	p.until(t, `^function \| init`)
	assert.Equal(t, 130, p.interrupt(t))
	assert.Empty(t, p.stdout.String())
	assert.NotContains(t, p.seen.String(), "graft: ")
}

// serving starts graft with --serve and returns its URL.
func serving(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	p := start(t, append([]string{"--serve", "0", "--name", "greet"}, args...)...)
	return p, p.until(t, `^graft: serving on (http://127\.0\.0\.1:\d+) `)[1]
}

func call(t *testing.T, url, event string, header ...string) (*http.Response, string) {
	request, err := http.NewRequestWithContext(t.Context(), "POST", url+"/2015-03-31/functions/greet/invocations", strings.NewReader(event))
	if !assert.NoError(t, err) {
		return nil, ""
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if !assert.NoError(t, err) {
		return nil, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	assert.NoError(t, err)
	return response, string(body)
}

func TestServe(t *testing.T) {
	t.Parallel()
	p, url := serving(t)
	client := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"a":"b"}}`))
	_, body := call(t, url, `{"head":"Lambda-Runtime-Client-Context"}`, "X-Amz-Client-Context", client)
	assert.Equal(t, `"{\"custom\":{\"a\":\"b\"}}"`, body)
	_, body = call(t, url, `{"head":"Lambda-Runtime-Trace-Id"}`, "X-Amzn-Trace-Id", "Root=1-2-3;Sampled=0")
	assert.Equal(t, `"Root=1-2-3;Sampled=0"`, body)

	response, _ := call(t, url, `{"fail":"Function.Bad","tell":"oh dear"}`, "X-Amz-Log-Type", "Tail")
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, "Unhandled", response.Header.Get("X-Amz-Function-Error"))
	log, err := base64.StdEncoding.DecodeString(response.Header.Get("X-Amz-Log-Result"))
	require.NoError(t, err)
	id := response.Header.Get("X-Amzn-Requestid")
	assert.Regexp(t, `(?s)^START RequestId: `+id+` Version: \$LATEST\n.*oh dear\n.*END RequestId: `+id+`\nREPORT RequestId: `+id+
		`\tDuration: [0-9.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB`, string(log))

	// A crash too is an answer, and the next starts anew.
	response, body = call(t, url, `{"exit":3}`)
	assert.Equal(t, "Unhandled", response.Header.Get("X-Amz-Function-Error"))
	assert.Contains(t, body, "Runtime.ExitError")
	_, body = call(t, url, `{"echo":1}`)
	assert.Equal(t, "1", body)

	assert.Equal(t, 130, p.interrupt(t))
	assert.Regexp(t, `(?m)^REPORT RequestId: [0-9a-f-]+\tDuration: .*\tInit Duration: [0-9.]+ ms`, p.seen.String())
	assert.Contains(t, p.seen.String(), "watch | SHUTDOWN spindown\n")
	assert.Empty(t, p.stdout.String())
}

// TestServeMany asks for many at once: they take turns.
func TestServeMany(t *testing.T) {
	t.Parallel()
	p, url := serving(t)
	var callers sync.WaitGroup
	for i := range 50 {
		callers.Go(func() {
			event := fmt.Sprintf(`{"echo":%d}`, i)
			switch i % 10 {
			case 7:
				event = `{"exit":1}`
			case 8:
				event = `{"fail":"Function.Bad"}`
			}
			response, body := call(t, url, event)
			if response == nil {
				return
			}
			assert.Equal(t, 200, response.StatusCode, body)
			if i%10 < 7 {
				assert.Equal(t, fmt.Sprint(i), body)
			} else if i%10 < 9 {
				assert.Equal(t, "Unhandled", response.Header.Get("X-Amz-Function-Error"))
			}
		})
	}
	callers.Wait()
	assert.Equal(t, 130, p.interrupt(t))
}

// TestServeInterrupted ends it in an invocation: the caller gets an answer.
func TestServeInterrupted(t *testing.T) {
	t.Parallel()
	p, url := serving(t, "--timeout", "10m")
	answered := make(chan int)
	go func() {
		status := 0
		if response, _ := call(t, url, `{"hang":true}`); response != nil {
			status = response.StatusCode
		}
		answered <- status
	}()
	p.until(t, `^function \| hanging`)
	assert.Equal(t, 130, p.interrupt(t))
	assert.Equal(t, 500, <-answered)
}

// TestServeBroken serves a function that cannot start: each invocation tries.
func TestServeBroken(t *testing.T) {
	t.Parallel()
	p, url := serving(t, "--handler", "broken")
	for range 2 {
		response, body := call(t, url, `{}`)
		assert.Equal(t, "Unhandled", response.Header.Get("X-Amz-Function-Error"))
		assert.Contains(t, body, "Runtime.ExitError")
	}
	assert.Equal(t, 130, p.interrupt(t))
	assert.Regexp(t, `(?m)^graft: init: Runtime.ExitError: .*; the first invocation starts with another init\ngraft: hint: `, p.seen.String())
}

// botocoreScript calls the function with what the AWS CLI and boto3 are made of.
const botocoreScript = `
import json, sys
from botocore.session import Session
from botocore.exceptions import ClientError
s = Session()
s.set_credentials("local", "local")
c = s.create_client("lambda", region_name="us-east-1", endpoint_url=sys.argv[1])
def call(event, name="greet", **kw):
    try:
        r = c.invoke(FunctionName=name, Payload=event, **kw)
    except ClientError as e:
        return e.response["Error"]["Code"]
    return [r["StatusCode"], r.get("FunctionError"), r.get("ExecutedVersion"), r["Payload"].read().decode()]
def stream(event):
    return [e for e in c.invoke_with_response_stream(FunctionName="greet", Payload=event)["EventStream"]]
arn = "arn:aws:lambda:us-east-1:012345678912:function:greet"
print(json.dumps([
    call(b'{"echo":1}'), call(b'{"echo":2}', arn, Qualifier="prod"), call(b'{"fail":"Function.Bad"}')[:2],
    call(b'{}', InvocationType="Event")[0], call(b'{}', InvocationType="DryRun")[0],
    call(b'{}', "other"), call(b'{'), call(b' ' * 6291457),
    "LogResult" in c.invoke(FunctionName=arn, LogType="Tail"),
    stream(b'{"echo":3}')[0]["PayloadChunk"]["Payload"].decode(), list(stream(b'{"fail":"Function.Bad"}')[0]["InvokeComplete"]),
]))
`

// TestServeSDK has AWS's own client use the API.
func TestServeSDK(t *testing.T) {
	t.Parallel()
	python := testbed.NeedTool(t, "python3")
	bed, err := testbed.Open()
	require.NoError(t, err)
	library, err := bed.Botocore(t.Context())
	testbed.NeedErr(t, err)
	p, url := serving(t)
	cmd := exec.CommandContext(t.Context(), python, "-c", botocoreScript, url)
	// Nothing of this machine's configuration for AWS.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PYTHONPATH=" + library, "AWS_EC2_METADATA_DISABLED=true", "PYTHONDONTWRITEBYTECODE=1"}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var got []any
	require.NoError(t, json.Unmarshal(out, &got))
	assert.Equal(t, []any{
		[]any{200.0, nil, "$LATEST", "1"}, []any{200.0, nil, "$LATEST", "2"}, []any{200.0, "Unhandled"},
		202.0, 204.0, "ResourceNotFoundException", "InvalidRequestContentException", "RequestTooLargeException",
		true, "3", []any{"ErrorCode"},
	}, got)
	assert.Equal(t, 130, p.interrupt(t))
}
