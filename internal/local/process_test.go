//go:build linux

package local_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/telemetry"
)

// requireGone fails if the process is there, other than as a zombie that its
// parent, who is not us, has yet to take note of.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil {
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		require.Equal(t, "Z", fields[0], "process %d: %s", pid, stat)
	}
}

func TestEnvironmentVariables(t *testing.T) {
	needIsolation(t)
	t.Setenv("GRAFT_TEST_OF_THE_MACHINE", "1")
	f := local.Function{
		Name: "greet", Handler: "app.handler", MemoryMB: 512,
		Command: []string{"env", "-0"}, // found in the function's PATH
		Env:     []string{"LANG=C", "OWN=\xff\xfe", "AWS_LAMBDA_EXEC_WRAPPER=/opt/nowhere", "EMPTY=", "TWICE=1", "TWICE=2", "odd"},
	}
	got := strings.Split(strings.TrimSuffix(output(t, f), "\x00"), "\x00")
	stream := slices.IndexFunc(got, func(e string) bool { return strings.HasPrefix(e, "AWS_LAMBDA_LOG_STREAM_NAME=") })
	require.GreaterOrEqual(t, stream, 0)
	assert.Regexp(t, `=\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`, got[stream])
	got[stream] = "AWS_LAMBDA_LOG_STREAM_NAME="
	assert.Equal(t, []string{
		"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"TZ=:UTC",
		"_HANDLER=app.handler",
		"LAMBDA_TASK_ROOT=/var/task",
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME=greet",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS=127.0.0.1",
		"_AWS_XRAY_DAEMON_PORT=2000",
		"AWS_XRAY_CONTEXT_MISSING=LOG_ERROR",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/greet",
		"AWS_LAMBDA_LOG_STREAM_NAME=",
		"AWS_ACCESS_KEY_ID=local",
		"AWS_SECRET_ACCESS_KEY=local",
		"AWS_SESSION_TOKEN=local",
		"LANG=C",
		"OWN=\xff\xfe",
		"AWS_LAMBDA_EXEC_WRAPPER=/opt/nowhere",
		"EMPTY=",
		"TWICE=1",
		"TWICE=2",
		"odd",
	}, got)
}

func TestExit(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	for script, want := range map[string]local.Exit{
		`exit 0`:      {},
		`exit 7`:      {Code: 7},
		`kill -9 $$`:  {Code: -1, Signal: syscall.SIGKILL},
		`kill -15 $$`: {Code: -1, Signal: syscall.SIGTERM},
	} {
		got, err := local.Run(bounded(t), bash(script))
		require.NoError(t, err)
		assert.Equal(t, want, got, script)
	}
}

func TestRunContext(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	ctx, cancel := context.WithCancel(bounded(t))
	running := make(started, 1)
	go func() { <-running; cancel() }()
	f := bash(`trap '' TERM; echo $$; while :; do read <> <(:); done`)
	f.Stdout = running
	exit, err := local.Run(ctx, f)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, syscall.SIGKILL, exit.Signal)
}

func TestStreamsKeptApart(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	var stdout, stderr, both buffer
	f := bash(`echo out; echo err >&2; [ -t 0 ] || cat; echo end`)
	f.Stdout, f.Stderr = &stdout, &stderr
	_, err := local.Run(bounded(t), f)
	require.NoError(t, err)
	assert.Equal(t, "out\nend\n", stdout.String())
	assert.Equal(t, "err\n", stderr.String())

	f.Stdout, f.Stderr = &both, &both
	_, err = local.Run(bounded(t), f)
	require.NoError(t, err)
	assert.Equal(t, "out\nerr\nend\n", both.String())
}

// bash itself opens descriptors, so the descriptors are listed by the one
// program that is exec'd: ls, whose own is the last.
func TestDescriptors(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	dir := files(t, map[string]string{"three": "3", "four": "4"})
	three, err := os.Open(dir + "/three")
	require.NoError(t, err)
	defer three.Close()
	four, err := os.Open(dir + "/four")
	require.NoError(t, err)
	defer four.Close()

	// As a careless parent of this program would leave one.
	leaked, err := unix.Dup(int(three.Fd()))
	require.NoError(t, err)
	defer unix.Close(leaked)

	descriptors := local.Function{Command: []string{"/bin/ls", "-1", "/proc/self/fd"}}
	assert.Equal(t, "0\n1\n2\n3\n", output(t, descriptors))
	descriptors.Files = []*os.File{three, four}
	assert.Equal(t, "0\n1\n2\n3\n4\n5\n", output(t, descriptors))
	f := bash(`cat <&4 <&3; cat <&4`)
	f.Files = []*os.File{three, four}
	assert.Equal(t, "34", output(t, f))

	descriptors.Files = nil
	descriptors.CloseStderr = true
	assert.Equal(t, "0\n1\n2\n", output(t, descriptors), "the freed 2 is that of ls itself")
	descriptors.CloseStderr, descriptors.CloseStdin = false, true
	assert.Equal(t, "0\n1\n2\n", output(t, descriptors), "the freed 0 is that of ls itself")
	assert.NotEqual(t, unix.EBADF, fcntlError(0), "ours stay open")
	assert.NotEqual(t, unix.EBADF, fcntlError(2), "ours stay open")
}

func fcntlError(fd uintptr) error {
	_, err := unix.FcntlInt(fd, unix.F_GETFD, 0)
	return err
}

func TestProcessGroup(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	e := start(t, bash(bashClient+`while next; do answer "\"$$ $(cut -d' ' -f5 /proc/self/stat)\""; done`))
	r, err := e.Invoke(bounded(t), []byte(`{}`))
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf(`"%d %d"`, e.PID(), e.PID()), string(r.Body))
	assert.NotEqual(t, unix.Getpgrp(), e.PID())
}

func TestOtherUser(t *testing.T) {
	needIsolation(t)
	needRoot(t)
	t.Parallel()
	layer := files(t, map[string]string{"open": "open", "secret": "secret"})
	require.NoError(t, os.Chmod(layer+"/secret", 0o600))
	f := bash(`
		awk '/^(Uid|Gid|Groups|CapEff|CapPrm|CapAmb):/ { $1=$1; print }' /proc/self/status
		cat /opt/open; cat /opt/secret 2>/dev/null || echo ' refused'`)
	f.UID, f.GID, f.Layers = 12345, 23456, []string{layer}
	assert.Equal(t, `Uid: 12345 12345 12345 12345
Gid: 23456 23456 23456 23456
Groups:
CapPrm: 0000000000000000
CapEff: 0000000000000000
CapAmb: 0000000000000000
open refused
`, output(t, f))

	g := goFunction(t)
	g.UID, g.GID = 993, 990
	assert.Equal(t, `"hello"`, string(send(t, start(t, g), event{Do: "echo", Arg: "hello"}).Body))
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		unavailable(t, "only root can start a function as another user")
	}
}

// What ignores SIGTERM, left the group, or lost its parent is ended all the same.
func TestNothingLeftBehind(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	const stubborn = `trap "" TERM HUP; while :; do read <> <(:); done`
	f := bash(bashClient + `
		trap 'echo terminated; exit 0' TERM
		bash -c '` + stubborn + `' & group=$!
		setsid bash -c '` + stubborn + `' & session=$!
		orphan=$(setsid bash -c '(` + stubborn + `) >/dev/null & echo $!')
		next; answer "[$group,$session,$orphan]"
		curl -sS "$api/invocation/next" & wait`)
	var stdout buffer
	f.Stdout = &stdout
	e := start(t, f)
	r, err := e.Invoke(bounded(t), []byte(`{}`))
	require.NoError(t, err)
	var pids []int
	for pid := range strings.SplitSeq(strings.Trim(string(r.Body), "[]"), ",") {
		n, err := strconv.Atoi(pid)
		require.NoError(t, err)
		require.NoError(t, unix.Kill(n, 0), "is there before")
		pids = append(pids, n)
	}
	require.Len(t, pids, 3)
	require.NoError(t, e.Stop(context.Background()))
	assert.Empty(t, stdout.String(), "without extensions there is no SIGTERM")
	for _, pid := range append(pids, e.PID()) {
		requireGone(t, pid)
	}
	assert.NoError(t, e.Stop(context.Background()), "again")
}

func TestStopKills(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	e := start(t, bash(bashClient+`trap '' TERM; while :; do curl -sS "$api/invocation/next"; done`))
	require.NoError(t, e.Stop(context.Background()))
	requireGone(t, e.PID())

	e = start(t, bash(bashClient+`trap '' TERM; while :; do curl -sS "$api/invocation/next"; done`))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, e.Stop(ended), "at once")
	requireGone(t, e.PID())
}

// The program that started a function dies: so does the function.
func TestDiesWithParent(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	users := []string{"0"}
	if os.Geteuid() == 0 {
		users = append(users, "12345")
	}
	for _, uid := range users {
		cmd := self(t, "orphan", uid)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		require.NoError(t, err)
		fd, err := unix.PidfdOpen(pid, 0)
		require.NoError(t, err)
		require.NoError(t, in.Close())
		var exited int
		for {
			exited, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(deadline.Milliseconds()))
			if err != unix.EINTR {
				break
			}
		}
		require.NoError(t, err)
		assert.Equal(t, 1, exited, "as user %s", uid)
		require.NoError(t, unix.Close(fd))
		_ = cmd.Wait() // killed by itself
	}
}

// orphan starts a function, tells its process id, and is killed.
func orphan() {
	uid, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	go func() {
		_, err := local.Run(context.Background(), local.Function{
			Command: []string{"/bin/bash", "-c", `echo $$; exec sleep 1000`}, UID: uid, Stdout: writer,
		})
		panic(err)
	}()
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		panic(err)
	}
	fmt.Print(line)
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
}

func TestMainNotCalled(t *testing.T) {
	t.Parallel()
	text, err := self(t, "careless").Output()
	require.NoError(t, err)
	assert.Equal(t, "local: Main is not called first in this program\n", string(text))
}

// careless uses the package without having called Main.
func careless() {
	_, err := local.Run(context.Background(), local.Function{Command: []string{"true"}})
	fmt.Println(err)
}

// A lineBuffer is a buffer that marks where it was told of an end.
type lineBuffer struct{ buffer }

func (b *lineBuffer) Flush() {
	if !strings.HasSuffix(b.String(), "|") {
		fmt.Fprint(&b.buffer, "|")
	}
}

// A process that ends in the middle of a line is told from the next.
func TestFlusher(t *testing.T) {
	t.Parallel()
	needIsolation(t)
	var out, extension lineBuffer
	var o outputs
	f := with(t, &o, map[string]string{"x": `printf 'no end of x'; register >/dev/null; next`})
	f.ExtensionOutput = func(string) io.Writer { return &extension }
	f.Command, f.Mounts = []string{"/bin/bash", "-c", "printf 'no end'; exit 3"}, nil
	f.Stdout, f.Stderr, f.RetryInit = &out, &out, true
	var logged []string
	f.Events = func(e telemetry.Event) {
		if e.Type == telemetry.TypeFunctionLog {
			logged = append(logged, string(e.Record))
		}
	}
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	assert.Equal(t, "no end|", out.String())
	_, err = e.Invoke(bounded(t), []byte(`1`))
	require.NoError(t, err)
	require.NoError(t, e.Stop(bounded(t)))
	assert.Equal(t, "no end|no end|", out.String())
	assert.Equal(t, []string{`"no end"`, `"no end"`}, logged)
	assert.Equal(t, "no end of x|no end of x|", extension.String())
}
