//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// stage puts folder $1 on /opt, for what follows only, and, if $2 says so, an
// empty read-only file system on /tmp.
const stage = `mount --bind "$1" /opt && if [ "$2" = read-only ]; then mount -t tmpfs -o ro tmpfs /tmp; fi && shift 2 && exec "$@"`

// onOpt is a command in a mount namespace of its own with a layer on /opt.
func onOpt(opt, tmp string, argv ...string) *exec.Cmd {
	line := []string{"unshare", "--mount", "--propagation", "private"}
	if os.Geteuid() != 0 {
		line = append(line, "--user", "--map-root-user")
	}
	line = append(line, "--", "/bin/sh", "-c", stage, "sh", opt, tmp)
	line = append(line, argv...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

var isolation = sync.OnceValue(func() error {
	if text, err := onOpt("/", "", "/bin/true").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: mount namespaces: %v: %s", testbed.ErrUnavailable, err, bytes.TrimSpace(text))
	}
	return nil
})

// layer is a folder with the real companion and with other files in it.
func layer(t testing.TB, files map[string]string) string {
	t.Helper()
	testbed.NeedErr(t, isolation())
	opt := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(opt, "extensions"), 0o755))
	require.NoError(t, os.Link(companionFor(t, runtime.GOARCH), filepath.Join(opt, "extensions/graft-companion")))
	testbed.Write(t, opt, 0o755, files)
	return opt
}

// A started is a program that runs meanwhile.
type started struct {
	cmd      *exec.Cmd
	out, err testbed.Journal
	ended    chan error
}

func start(t *testing.T, cmd *exec.Cmd, env ...string) *started {
	t.Helper()
	s := &started{cmd: cmd, ended: make(chan error, 1)}
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &s.out, &s.err
	cmd.WaitDelay = time.Second
	require.NoError(t, cmd.Start())
	go func() { s.ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return s
}

// end waits for the program's end and returns its error.
func (s *started) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(limit):
		require.Fail(t, "it does not end", "%s%s", &s.out, &s.err)
		return nil
	}
}

func eventually(t testing.TB, condition func() bool, message string, args ...any) {
	t.Helper()
	require.Eventually(t, condition, limit, step, append([]any{message}, args...)...)
}

// alive reports whether a process is neither gone nor a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " Z")
}

// numbers returns the numbers behind "NAME: " in what was printed.
func numbers(text, name string) (found []int) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name+": ")
		for _, word := range strings.Fields(rest) {
			if n, err := strconv.Atoi(word); ok && err == nil {
				found = append(found, n)
			}
		}
	}
	return found
}

// TestProgramFaults: the real companion under the real faults of what it runs.
func TestProgramFaults(t *testing.T) {
	files := map[string]string{
		"stubborn": "#!/bin/sh\ntrap '' TERM\nsleep 1000 & echo $$ $!\nwhile :; do sleep 1000; done\n",
		"crash":    "#!/bin/sh\necho life; exit 7\n",
		"talk":     "#!/bin/sh\nhead -c 100000000 /dev/zero\necho; head -c 100000000 /dev/zero >&2\necho done; exec sleep 1000\n",
		"family":   "#!/bin/sh\nsh -c 'sleep 1000 & echo $$ $!; wait' & echo $$ $!; wait\n",
	}
	for _, c := range []struct {
		name, run, env, tmp string
		ulimit              int
		until               func(s *started) bool
		said                string
	}{
		{name: "missing", run: "GRAFT_RUN=/nowhere/x\nGRAFT_RUN_READY=tcp:127.0.0.1:1\nGRAFT_RUN_READY_TIMEOUT=1h", said: "no such file"},
		{name: "crashes at once, for ever", run: "GRAFT_RUN=/opt/crash", until: func(s *started) bool { return strings.Count(s.out.String(), "p: life\n") > 3 }, said: "graft-companion: p: ended: exit status 7: starting it again in 100ms"},
		{name: "never ready", run: "GRAFT_RUN=/opt/family\nGRAFT_RUN_READY=tcp:127.0.0.1:1\nGRAFT_RUN_READY_TIMEOUT=100ms", said: "graft-companion: p: not ready (tcp) after 100ms: going on without waiting"},
		{name: "ignores SIGTERM", run: "GRAFT_RUN=/opt/stubborn", until: func(s *started) bool { return len(numbers(s.out.String(), "p")) == 2 }},
		{name: "grandchildren", run: "GRAFT_RUN=/opt/family", until: func(s *started) bool { return len(numbers(s.out.String(), "p")) == 4 }},
		{name: "100 MB of output", run: "GRAFT_RUN=/opt/talk", until: func(s *started) bool { return strings.Contains(s.out.String(), "p: done") }},
		{name: "out of descriptors", run: "GRAFT_RUN=/opt/family", ulimit: 12, said: "too many open files"},
		{name: "read-only /tmp", run: "GRAFT_RUN=/opt/family", tmp: "read-only", until: func(s *started) bool { return len(numbers(s.out.String(), "p")) == 4 }},
		{name: "fragment without sense", run: "GRAFT_RUN=a | b", said: "graft-companion: p: skipped: /opt/graft.d/50-p.env:1: GRAFT_RUN stops at byte 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"graft.d/50-p.env": c.run + "\n", "stubborn": files["stubborn"], "crash": files["crash"], "talk": files["talk"], "family": files["family"]}
			may := make(chan struct{})
			a := serve(t, &api{next: []reply{invoke, func(w http.ResponseWriter, r *http.Request) {
				<-may
				shutdown(700*time.Millisecond)(w, r)
			}}})
			opt := layer(t, files)
			argv := []string{"/opt/extensions/graft-companion"}
			if c.ulimit > 0 {
				argv = []string{"sh", "-c", "ulimit -n " + strconv.Itoa(c.ulimit) + "; exec " + argv[0]}
			}
			s := start(t, onOpt(opt, c.tmp, argv...), "AWS_LAMBDA_RUNTIME_API="+a.address)
			eventually(t, func() bool { _, asked := a.calls(); return asked == 2 }, "it waits for its second event")
			if c.until != nil {
				eventually(t, func() bool { return c.until(s) }, "it has run")
			}
			if c.said != "" {
				eventually(t, func() bool { return strings.Contains(s.err.String(), c.said) }, "said: %s", &s.err)
			} else {
				assert.NotContains(t, s.err.String(), "graft-companion")
			}
			if c.name == "100 MB of output" {
				peak := peakMemory(t, s.cmd.Process.Pid)
				t.Logf("%d KiB resident at most", peak>>10)
				assert.Less(t, peak, 16<<20, "bytes")
			}
			select {
			case err := <-s.ended:
				require.Fail(t, "it ended before SHUTDOWN", "%v", err)
			default:
			}
			began := time.Now()
			close(may)
			require.NoError(t, s.end(t), "status 0 after SHUTDOWN")
			t.Logf("ended %v after SHUTDOWN, 700ms before the deadline", time.Since(began).Round(time.Millisecond))
			for _, pid := range numbers(s.out.String(), "p") {
				assert.False(t, alive(pid), "%d is left behind", pid)
			}
		})
	}
}

// peakMemory is the most that a process ever had resident, in bytes.
func peakMemory(t *testing.T, pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return kb << 10
}

// TestKilled: its programs die with it.
func TestKilled(t *testing.T) {
	a := serve(t, &api{next: []reply{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}})
	opt := layer(t, map[string]string{"graft.d/50-p.env": "GRAFT_RUN='sh -c \"echo $$; exec sleep 1000\"'\n"})
	s := start(t, onOpt(opt, "", "/opt/extensions/graft-companion"), "AWS_LAMBDA_RUNTIME_API="+a.address)
	eventually(t, func() bool { return len(numbers(s.out.String(), "p")) == 1 }, "it runs")
	pid := numbers(s.out.String(), "p")[0]
	assert.True(t, alive(pid))
	require.NoError(t, s.cmd.Process.Kill())
	assert.Error(t, s.end(t))
	eventually(t, func() bool { return !alive(pid) }, "the program dies with it")
}

// TestSignals: it ends by none of those that would end a Go program, a lost log
// pipe among them, and its programs get them as ever.
func TestSignals(t *testing.T) {
	may := make(chan struct{})
	a := serve(t, &api{next: []reply{func(w http.ResponseWriter, r *http.Request) {
		<-may
		shutdown(time.Second)(w, r)
	}}})
	opt := layer(t, map[string]string{"graft.d/50-p.env": "GRAFT_RUN='sh -c \"kill -TERM $$\"'\n"})
	cmd := onOpt(opt, "", "/opt/extensions/graft-companion")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+a.address)
	cmd.Stderr = write
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	write.Close()
	line := make([]byte, 100)
	n, err := read.Read(line)
	require.NoError(t, err)
	assert.Contains(t, string(line[:n]), "p: ended: signal: terminated")
	read.Close()
	eventually(t, func() bool { _, asked := a.calls(); return asked == 1 }, "it waits")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGUSR1} {
		require.NoError(t, cmd.Process.Signal(sig))
	}
	close(may)
	assert.NoError(t, cmd.Wait())
}

// TestNoHotLoop: the real pauses between calls that fail.
func TestNoHotLoop(t *testing.T) {
	a := serve(t, &api{register: times(5, refuse(403, "x")), next: times(5, refuse(500, "x"))})
	opt := layer(t, map[string]string{"graft.d/50-p.env": idle})
	s := start(t, onOpt(opt, "", "/opt/extensions/graft-companion"), "AWS_LAMBDA_RUNTIME_API="+a.address)
	require.NoError(t, s.end(t))
	const sum = (20 + 40 + 80 + 160 + 320) * time.Millisecond
	assert.GreaterOrEqual(t, a.registered[5].Sub(a.registered[0]), sum)
	assert.GreaterOrEqual(t, a.asked[5].Sub(a.asked[0]), sum)
	assert.Equal(t, "graft-companion", a.names[5])
}

// receiver keeps the paths that were asked for.
func receiver(t *testing.T) (url string, got *testbed.Journal) {
	got = &testbed.Journal{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(got, r.URL.Path) }))
	t.Cleanup(srv.Close)
	return srv.URL, got
}

const bootstrap = `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
echo "runtime started"
while :; do
	head=$(mktemp)
	event=$(curl -sSLD "$head" "$api/next")
	[ "$event" = crash ] && exit 1
	id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '[:space:]' | cut -d: -f2)
	rm -f "$head"
	answer="$(curl -sS "http://127.0.0.1:$PLAIN/hello.txt") $(curl -sS "http://127.0.0.1:$PYTHON/") $(cat "$STATE")"
	curl -sS -o /dev/null -d "$answer" "$api/$id/response"
done
`

const pythonProgram = `
import http.server, os, signal, sys, threading
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("agent" if "NODE_OPTIONS" in os.environ else "clean").encode() + b" " + os.environ["PLAIN_DEFAULT"].encode())
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PYTHON"])), Answer)
def stop(*_):
    print("python stops", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, stop)
print("python", os.getpid(), flush=True)
server.serve_forever()
`

// TestRIE: three programs that are no extensions, under AWS's own emulator: a
// bash script with curl, a Python program, a plain HTTP server. The function
// needs them all in its first invocation.
func TestRIE(t *testing.T) {
	bed, err := testbed.Open()
	require.NoError(t, err)
	rie := testbed.NeedEmulator(t, bed)
	for _, tool := range []string{"bash", "curl", "python3"} {
		testbed.NeedTool(t, tool)
	}
	url, got := receiver(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(bootstrap), 0o755))
	plain, python, state := testbed.FreePort(t), testbed.FreePort(t), filepath.Join(dir, "state")
	opt := layer(t, map[string]string{
		"bin/script.sh":         "#!/bin/bash\ntrap 'curl -sS $RECEIVER/bye; exit 0' TERM\ncurl -sS $RECEIVER/hello\necho script > $STATE\necho $$\nwhile :; do sleep 1000 & wait; done\n",
		"bin/python.py":         pythonProgram,
		"www/hello.txt":         "hello",
		"graft.d/10-script.env": "GRAFT_RUN=/opt/bin/script.sh\nGRAFT_RUN_READY=file:" + state + "\nGRAFT_RUN_READY_TIMEOUT=20s\n",
		"graft.d/20-python.env": "GRAFT_RUN=python3 /opt/bin/python.py\nGRAFT_RUN_READY=tcp:127.0.0.1:" + python + "\nGRAFT_RUN_READY_TIMEOUT=20s\nPLAIN_DEFAULT=default\n",
		"graft.d/30-plain.env":  "GRAFT_RUN=python3 -m http.server " + plain + " --bind 127.0.0.1 --directory /opt/www\nGRAFT_RUN_READY=http://127.0.0.1:" + plain + "/hello.txt\nGRAFT_RUN_READY_TIMEOUT=20s\n",
	})
	s := start(t, onOpt(opt, "", append(append([]string{rie.Program}, rie.Options()...), filepath.Join(dir, "bootstrap"), "a.b")...),
		"PLAIN="+plain, "PYTHON="+python, "STATE="+state, "RECEIVER="+url, "NODE_OPTIONS=--require /nowhere/agent.js", "GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=async")
	for range 3 {
		assert.Equal(t, "hello clean default script", invocation(t, rie, "{}"))
	}
	assert.Contains(t, invocation(t, rie, "crash"), "Runtime.ExitError")
	// A reset: the programs of the first life are gone, those of the second
	// stand before its runtime does.
	assert.Equal(t, "hello clean default script", invocation(t, rie, "{}"))
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, s.end(t))

	log, out := s.err.String(), s.out.String()
	assert.Contains(t, log, "graft-companion")
	assert.Contains(t, log, "registered, subscribed to [SHUTDOWN]")
	assert.NotContains(t, log+out, "Extension.Crash")
	assert.Equal(t, "/hello\n/bye\n/hello\n/bye\n", got.String(), "SIGTERM reaches the script, and it has the time to say so")
	assert.Contains(t, out, "python: python stops\n")
	assert.Contains(t, out, "plain: ", "what it prints")
	pids := append(numbers(out, "script"), numbers(out, "python")...)
	assert.Len(t, pids, 4)
	for _, pid := range pids {
		assert.False(t, alive(pid), "%d is left behind", pid)
	}
	assert.Less(t, strings.Index(out, "python: python "), strings.Index(out, "runtime started"), "the gate holds the runtime back")
	assert.NotContains(t, out, "graft-companion: ", "nothing went wrong")
}

// TestRIERegisters: what AWS's own emulator takes note of.
func TestRIERegisters(t *testing.T) {
	bed, err := testbed.Open()
	require.NoError(t, err)
	testbed.NeedTool(t, "curl")
	dir := t.TempDir()
	text := strings.Replace(bootstrap, "answer=", "answer=fine #", 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(text), 0o755))
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"nothing to do", nil, "[]"},
		{"switched off", []string{"GRAFT_DISABLE=*", "GRAFT_TELEMETRY=platform"}, "[]"},
		{"telemetry", []string{"GRAFT_TELEMETRY=platform"}, "[SHUTDOWN]"},
		{"telemetry at the end", []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end"}, "[INVOKE SHUTDOWN]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := layer(t, nil)
			rie := testbed.NeedEmulator(t, bed)
			s := start(t, onOpt(opt, "", append(append([]string{rie.Program}, rie.Options()...), filepath.Join(dir, "bootstrap"), "a.b")...), c.env...)
			for range 3 {
				assert.Equal(t, "fine", invocation(t, rie, "{}"))
			}
			require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
			require.NoError(t, s.end(t))
			assert.Contains(t, s.err.String(), "registered, subscribed to "+c.want)
		})
	}
}

// invocation invokes the function once, as soon as the emulator listens.
func invocation(t *testing.T, rie *testbed.Emulator, event string) (answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	answer, err := rie.Invoke(ctx, event, http.Header{"Content-Type": {"application/json"}})
	require.NoError(t, err)
	return answer
}
