package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
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

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/testbed"
)

// TestMain can be a program that serves HTTP, which knows nothing of Lambda.
func TestMain(m *testing.M) {
	if address := os.Getenv("SUPERVISE_TEST_SERVE"); address != "" {
		status, _ := strconv.Atoi(os.Getenv("SUPERVISE_TEST_STATUS"))
		fmt.Fprintln(os.Stderr, http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// a watched is a supervisor whose output and lines can be looked at.
type watched struct {
	*Supervisor
	out, err, said testbed.Journal
}

func watch(t *testing.T) *watched {
	w := &watched{}
	w.Supervisor = New(&w.out, &w.err, func(format string, args ...any) { fmt.Fprintf(&w.said, format+"\n", args...) })
	w.pace = pace{first: time.Millisecond, most: 20 * time.Millisecond}
	t.Cleanup(func() { w.Stop(0) })
	return w
}

const (
	limit = 20 * time.Second
	step  = 2 * time.Millisecond
)

func eventually(t *testing.T, condition func() bool, message string) {
	t.Helper()
	require.Eventually(t, condition, limit, step, message)
}

func shell(script string) Program {
	return Program{Name: "p", Argv: []string{"sh", "-c", script}, Env: os.Environ(), Ready: fragment.Ready{By: fragment.ReadyNone}, Timeout: limit}
}

// alive reports whether a process is neither gone nor a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " Z")
}

// pids returns the numbers in what was printed.
func pids(text string) (found []int) {
	for _, word := range strings.Fields(text) {
		if n, err := strconv.Atoi(word); err == nil {
			found = append(found, n)
		}
	}
	return found
}

func server(t *testing.T, address string, status int) Program {
	self, err := os.Executable()
	require.NoError(t, err)
	return Program{Name: "server", Argv: []string{self}, Timeout: limit,
		Env: append(os.Environ(), "SUPERVISE_TEST_SERVE="+address, "SUPERVISE_TEST_STATUS="+strconv.Itoa(status))}
}

func TestReadyTCP(t *testing.T) {
	w, address := watch(t), "127.0.0.1:"+testbed.FreePort(t)
	p := server(t, address, 500)
	p.Ready = fragment.Ready{By: fragment.ReadyTCP, Target: address}
	w.Start([]Program{p})
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err, "it takes connections when Start returns")
	conn.Close()
	w.Stop(limit)
	assert.Empty(t, w.said.String())
}

func TestReadyHTTP(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	w, address := watch(t), "127.0.0.1:"+testbed.FreePort(t)
	p := server(t, address, 204)
	p.Ready = fragment.Ready{By: fragment.ReadyHTTP, Target: "http://" + address + "/health"}
	w.Start([]Program{p})
	res, err := http.Get("http://" + address)
	require.NoError(t, err)
	res.Body.Close()
	assert.Empty(t, w.said.String())
}

func TestReadyHTTPWantsSuccess(t *testing.T) {
	w, address := watch(t), "127.0.0.1:"+testbed.FreePort(t)
	p := server(t, address, 503)
	p.Ready = fragment.Ready{By: fragment.ReadyHTTP, Target: "http://" + address}
	p.Timeout = 300 * time.Millisecond
	w.Start([]Program{p})
	assert.Equal(t, "server: not ready (http) after 300ms: going on without waiting\n", w.said.String())
}

// TestReadyFile: what a life before a reset left there does not count.
func TestReadyFile(t *testing.T) {
	w := watch(t)
	file := filepath.Join(t.TempDir(), "ready")
	require.NoError(t, os.WriteFile(file, []byte("old, and longer"), 0o644))
	p := shell("echo new > " + file + "; sleep 1000")
	p.Ready = fragment.Ready{By: fragment.ReadyFile, Target: file}
	w.Start([]Program{p})
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "old")
	assert.Empty(t, w.said.String())
}

// TestReadyExit: it is done, and what it left running stays until the end.
func TestReadyExit(t *testing.T) {
	w := watch(t)
	p := shell("sleep 1000 & echo $!")
	p.Ready = fragment.Ready{By: fragment.ReadyExit}
	w.Start([]Program{p})
	eventually(t, func() bool { return len(pids(w.out.String())) == 1 }, "its output")
	daemon := pids(w.out.String())[0]
	assert.True(t, alive(daemon))
	w.Stop(limit)
	assert.False(t, alive(daemon))
	assert.Len(t, pids(w.out.String()), 1, "not started again")
	assert.Empty(t, w.said.String())
}

// TestReadyExitFails: it is started again until it ends well.
func TestReadyExitFails(t *testing.T) {
	w := watch(t)
	dir := t.TempDir()
	p := shell("echo x >> " + dir + "/n; [ $(wc -l < " + dir + "/n) -ge 4 ]")
	p.Ready = fragment.Ready{By: fragment.ReadyExit}
	w.Start([]Program{p})
	assert.Equal(t, "p: ended: exit status 1: starting it again in 1ms\np: ended: exit status 1: starting it again in 2ms\n", w.said.String(), "and the third is not said")
	data, err := os.ReadFile(dir + "/n")
	require.NoError(t, err)
	assert.Equal(t, "x\nx\nx\nx\n", string(data))
}

// TestInParallel: each of two waits for what the other does.
func TestInParallel(t *testing.T) {
	w := watch(t)
	dir := t.TempDir()
	one := shell("mkfifo " + dir + "/f; touch " + dir + "/made; echo x > " + dir + "/f; sleep 1000")
	one.Ready = fragment.Ready{By: fragment.ReadyFile, Target: dir + "/got"}
	two := shell("until [ -p " + dir + "/f ]; do :; done; read x < " + dir + "/f; touch " + dir + "/got; sleep 1000")
	two.Ready = fragment.Ready{By: fragment.ReadyFile, Target: dir + "/made"}
	w.Start([]Program{one, two})
	assert.Empty(t, w.said.String())
}

func TestNeverReady(t *testing.T) {
	for _, by := range []fragment.Ready{
		{By: fragment.ReadyTCP, Target: testbed.NobodyListens(t)}, {By: fragment.ReadyHTTP, Target: "http://" + testbed.NobodyListens(t)},
		{By: fragment.ReadyFile, Target: "/nowhere/x"}, {By: fragment.ReadyExit},
	} {
		w := watch(t)
		p := shell("sleep 1000")
		p.Ready, p.Timeout = by, 50*time.Millisecond
		w.Start([]Program{p})
		assert.Equal(t, fmt.Sprintf("p: not ready (%s) after 50ms: going on without waiting\n", by.By), w.said.String())
	}
}

// TestHangingServer: the gate gives up on a program that takes connections and
// never answers.
func TestHangingServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	w := watch(t)
	p := shell("sleep 1000")
	p.Ready, p.Timeout = fragment.Ready{By: fragment.ReadyHTTP, Target: "http://" + l.Addr().String()}, 50*time.Millisecond
	w.Start([]Program{p})
	assert.Contains(t, w.said.String(), "not ready (http)")
}

// TestCannotStart: nobody waits for a program that cannot be started.
func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("no program"), 0o755))
	locked := filepath.Join(dir, "locked")
	require.NoError(t, os.WriteFile(locked, []byte("#!/bin/sh\n"), 0o644))
	for program, problem := range map[string]string{
		"/nowhere/x": "no such file", "no-such-program-anywhere": "not found", text: "exec format error", locked: "permission denied", dir: "permission denied",
	} {
		w := watch(t)
		p := Program{Name: "p", Argv: []string{program}, Ready: fragment.Ready{By: fragment.ReadyTCP, Target: testbed.NobodyListens(t)}, Timeout: time.Hour}
		w.Start([]Program{p})
		eventually(t, func() bool { return strings.Contains(w.said.String(), problem) }, program)
		assert.NotContains(t, w.said.String(), "not ready")
	}
}

// TestRestart: with longer and longer pauses, and a line for the first,
// second, fourth … end only.
func TestRestart(t *testing.T) {
	w := watch(t)
	w.Start([]Program{shell("echo life; exit 3")})
	eventually(t, func() bool { return strings.Count(w.out.String(), "p: life\n") >= 9 }, "nine lives")
	w.Stop(limit)
	lines := strings.Split(strings.TrimSpace(w.said.String()), "\n")
	require.GreaterOrEqual(t, len(lines), 4)
	for i, delay := range []string{"1ms", "2ms", "8ms", "20ms"} {
		assert.Equal(t, "p: ended: exit status 3: starting it again in "+delay, lines[i])
	}
	assert.LessOrEqual(t, len(lines), 8, "of at least nine")
}

func TestRestartOfOneThatEndsWell(t *testing.T) {
	w := watch(t)
	w.Start([]Program{shell("echo life; exit 0")})
	eventually(t, func() bool { return strings.Count(w.out.String(), "p: life\n") >= 2 }, "another life")
	assert.Contains(t, w.said.String(), "p: ended: starting it again in 1ms\n")
}

// TestKilledProgram: what it left in its group ends before it starts again.
func TestKilledProgram(t *testing.T) {
	w := watch(t)
	w.Start([]Program{shell("sleep 1000 & echo $$ $!; wait")})
	eventually(t, func() bool { return len(pids(w.out.String())) == 2 }, "first life")
	first := pids(w.out.String())
	require.NoError(t, syscall.Kill(first[0], syscall.SIGKILL))
	eventually(t, func() bool { return len(pids(w.out.String())) == 4 }, "second life")
	assert.False(t, alive(first[1]))
	assert.Contains(t, w.said.String(), "ended: signal: killed")
}

func TestOutput(t *testing.T) {
	w := watch(t)
	p := shell(`printf 'one\n\ntwo\r\nno end'; printf 'err\0or\nx' >&2`)
	p.Ready = fragment.Ready{By: fragment.ReadyExit}
	w.Start([]Program{p})
	w.Stop(limit)
	assert.Equal(t, "p: one\np: \np: two\r\np: no end\n", w.out.String())
	assert.Equal(t, "p: err\x00or\np: x\n", w.err.String())
}

// A gauge counts, and keeps the length of the longest write.
type gauge struct {
	mu             sync.Mutex
	bytes, longest int
}

func (g *gauge) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bytes += len(p)
	g.longest = max(g.longest, len(p))
	return len(p), nil
}

// TestMuchOutput: 100 MB without a line end, and 100 MB of lines, on both
// pipes, cost nothing.
func TestMuchOutput(t *testing.T) {
	for name, script := range map[string]string{
		"one line": "head -c 100000000 /dev/zero >&2; head -c 1000 /dev/zero",
		"lines":    "yes 0123456789012345678901234567890123456789012345678 | head -c 100000000 | tee /dev/null >&2; echo",
	} {
		t.Run(name, func(t *testing.T) {
			var g gauge
			var said testbed.Journal
			s := New(&g, &g, func(format string, args ...any) { fmt.Fprintf(&said, format, args...) })
			p := shell(script)
			p.Ready, p.Timeout = fragment.Ready{By: fragment.ReadyExit}, time.Minute
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s.Start([]Program{p})
			s.Stop(limit)
			runtime.ReadMemStats(&after)
			assert.Empty(t, said.String())
			assert.Greater(t, g.bytes, 100_000_000)
			assert.LessOrEqual(t, g.longest, maxLine+len("p: \n"))
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "all that was ever allocated, in bytes")
		})
	}
}

// TestNobodyTakesTheOutput: a program must not hang because of that.
func TestNobodyTakesTheOutput(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	read.Close()
	defer write.Close()
	s := New(write, write, func(string, ...any) {})
	p := shell("head -c 1000000 /dev/zero")
	p.Ready = fragment.Ready{By: fragment.ReadyExit}
	s.Start([]Program{p})
	s.Stop(limit)
}

func TestStop(t *testing.T) {
	// A shell's child loses a signal that comes between its fork and its exec.
	const execs = `until read name </proc/$!/comm && [ "$name" = sleep ]; do :; done`
	for _, c := range []struct {
		name, script string
		grace        time.Duration
		printed      string
	}{
		{"ends at SIGTERM", `trap 'echo bye; exit 0' TERM; sleep 1000 & ` + execs + `; echo $$ up; wait`, limit, "bye"},
		{"its shell ends first", `(trap 'head -c 1 /dev/zero >/dev/null; echo flushed; exit' TERM; sleep 1000 & ` + execs + `; echo up; wait) & echo $$ $!; wait`, limit, "flushed"},
		{"ignores SIGTERM", `trap '' TERM; echo $$ up; while :; do sleep 1000; done`, 30 * time.Millisecond, ""},
		{"grandchildren ignore it", `trap '' TERM; sleep 1000 & echo $!; sh -c 'sleep 1000 & echo $! up; wait' & wait`, 30 * time.Millisecond, ""},
		{"is stopped", `echo $$ up; kill -STOP $$`, limit, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := watch(t)
			w.Start([]Program{shell(c.script)})
			eventually(t, func() bool { return strings.Contains(w.out.String(), "up") }, "it runs")
			began := time.Now()
			w.Stop(c.grace)
			assert.Less(t, time.Since(began), c.grace+lastWait+5*time.Second)
			for _, pid := range pids(w.out.String()) {
				assert.False(t, alive(pid), "%d is left behind", pid)
			}
			assert.Contains(t, w.out.String(), c.printed)
			assert.Empty(t, w.said.String())
		})
	}
}

// TestStopBetweenLives: a program that waits for its next start gets none.
func TestStopBetweenLives(t *testing.T) {
	w := watch(t)
	w.pace = pace{first: time.Hour, most: time.Hour}
	w.Start([]Program{shell("echo life; exit 1")})
	eventually(t, func() bool { return strings.Contains(w.said.String(), "1h0m0s") }, "its end")
	w.Stop(limit)
	assert.Equal(t, "p: life\n", w.out.String())
}

// TestEscapedDaemon: one that left the group and holds the pipe does not hold
// the supervisor.
func TestEscapedDaemon(t *testing.T) {
	w := watch(t)
	w.Start([]Program{shell("setsid sh -c 'echo $$ up; exec sleep 1000' & wait")})
	eventually(t, func() bool { return strings.Contains(w.out.String(), "up") }, "it runs")
	t.Cleanup(func() { _ = syscall.Kill(pids(w.out.String())[0], syscall.SIGKILL) })
	began := time.Now()
	w.Stop(limit)
	assert.Less(t, time.Since(began), limit/2)
}

// TestOutOfDescriptors: the program starts when there are some again.
func TestOutOfDescriptors(t *testing.T) {
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
	w := watch(t)
	none := old
	none.Cur = 0
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	restore := func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old) }
	defer restore()
	p := shell("exit 0")
	p.Ready = fragment.Ready{By: fragment.ReadyExit}
	started := make(chan struct{})
	go func() {
		w.Start([]Program{p})
		close(started)
	}()
	eventually(t, func() bool { return strings.Contains(w.said.String(), "too many open files") }, "the lack is said")
	restore()
	select {
	case <-started:
	case <-time.After(limit):
		t.Fatal("not started after all")
	}
}

func TestPassing(t *testing.T) {
	for err, want := range map[error]bool{
		os.NewSyscallError("pipe2", syscall.EMFILE):                      true,
		&os.PathError{Op: "fork/exec", Path: "/x", Err: syscall.ETXTBSY}: true,
		&os.PathError{Op: "fork/exec", Path: "/x", Err: syscall.ENOEXEC}: false,
		errors.New("x"): false,
	} {
		assert.Equal(t, want, passing(err), err)
	}
}

func TestPace(t *testing.T) {
	p := pace{first: 3, most: 20}
	var got []time.Duration
	for range 6 {
		got = append(got, p.next())
	}
	assert.Equal(t, []time.Duration{3, 6, 12, 20, 20, 20}, got)
}

// TestPanic: one in the supervisor's own work costs one program at most.
func TestPanic(t *testing.T) {
	w := watch(t)
	w.survive("p", func() { panic("s3cret") })
	assert.Equal(t, "p: internal error, please report it (a panic of type string)\n", w.said.String(), "what may hold a value is not said")
	assert.Error(t, w.onForkThread(func() error { panic("s3cret") }))
	assert.NoError(t, w.onForkThread(func() error { return nil }), "the thread lives on")
}

// TestForkThread: whoever asks, one thread starts all processes, and stays: the
// parent-death signal comes when the thread that forked ends.
func TestForkThread(t *testing.T) {
	w := watch(t)
	var mu sync.Mutex
	threads := make(map[int]bool)
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			// A goroutine that ends like this takes its thread with it.
			runtime.LockOSThread()
			assert.NoError(t, w.onForkThread(func() error {
				mu.Lock()
				defer mu.Unlock()
				threads[syscall.Gettid()] = true
				return nil
			}))
		})
	}
	callers.Wait()
	require.Len(t, threads, 1)
	for thread := range threads {
		assert.DirExists(t, fmt.Sprintf("/proc/self/task/%d", thread))
	}
}
