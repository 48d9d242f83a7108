//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

const (
	// stopwatch is the name under which this test program times others, in a
	// mount namespace of its own.
	stopwatch = "stopwatch"
	// turns is how often each way to start takes its turn, with so many rounds
	// that count in each.
	turns, rounds = 20, 10
)

// minimalExtension is the least that an extension in Go does. With PROGRAM set
// it starts that, too.
const minimalExtension = `package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if program := os.Getenv("PROGRAM"); program != "" {
		os.StartProcess(program, []string{program, "1000"}, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{nil, os.Stdout, os.Stderr}})
	}
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	request, _ := http.NewRequest("POST", api+"register", strings.NewReader("{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"))
	request.Header.Set("Lambda-Extension-Name", filepath.Base(os.Args[0]))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		os.Exit(1)
	}
	answer.Body.Close()
	id := answer.Header.Get("Lambda-Extension-Identifier")
	for {
		request, _ := http.NewRequest("GET", api+"event/next", nil)
		request.Header.Set("Lambda-Extension-Identifier", id)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			os.Exit(1)
		}
		event, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if strings.Contains(string(event), "SHUTDOWN") {
			return
		}
	}
}
`

// minimalName is its name.
const minimalName = "minimal"

// minimal builds it with the companion's flags.
func minimal(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "main.go"), []byte(minimalExtension), 0o644))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module minimal\n\ngo 1.26\n"), 0o644))
	out := filepath.Join(dir, minimalName)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "nethttpomithttp2", "-ldflags", "-s -w -buildid=", "-o", out, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	text, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", text)
	return out
}

// put writes a program anew. How the linker has written it leaves it in the page
// cache in smaller or larger pieces, which changes its start by a fifth.
func put(b *testing.B, from, to string) {
	b.Helper()
	data, err := os.ReadFile(from)
	require.NoError(b, err)
	_ = os.Remove(to)
	require.NoError(b, os.WriteFile(to, data, 0o755))
}

// A way to start a program. It is timed from the fork until it asks to
// register, or, with End, until its end; then what it has started may register.
type way struct {
	Argv, Env []string
	End       bool
}

// BenchmarkStart times starts, all in turns in one run: of the companion until
// it asks to register, beside the least extension in Go, and of the wrapper
// until the runtime's program has run, with the companion forked and without.
func BenchmarkStart(b *testing.B) {
	least, companion := []string{"/opt/extensions/" + minimalName}, []string{"/opt/extensions/graft-companion"}
	external, busy := layer(b, nil), layer(b, map[string]string{"graft.d/50-p.env": "GRAFT_RUN=sleep 1000\n"})
	forked, alone := forkedLayer(b, nil), forkedLayer(b, nil)
	for _, opt := range []string{external, busy} {
		put(b, minimal(b), filepath.Join(opt, "extensions", minimalName))
		put(b, companionFor(b, runtime.GOARCH), filepath.Join(opt, "extensions/graft-companion"))
	}
	require.NoError(b, os.Remove(filepath.Join(alone, "graft-companion")))
	wrapper := way{Argv: []string{"/opt/graft", "/bin/true"}, End: true}
	groups := []struct {
		layer string
		names []string
		ways  []way
	}{
		{external, []string{"minimal extension in Go", "companion, nothing to do", "companion, telemetry"},
			[]way{{Argv: least}, {Argv: companion}, {Argv: companion, Env: observed("otlp", "async", "http://127.0.0.1:1")}}},
		{busy, []string{"minimal extension in Go, a program", "companion, a program"},
			[]way{{Argv: least, Env: []string{"PROGRAM=/bin/sleep"}}, {Argv: companion}}},
		{alone, []string{"wrapper alone"}, []way{wrapper}},
		{forked, []string{"wrapper, forked companion"}, []way{wrapper}},
	}
	for b.Loop() {
		times := map[string][]time.Duration{}
		for range turns {
			for _, g := range groups {
				for i, took := range timeStarts(b, g.layer, g.ways) {
					times[g.names[i]] = append(times[g.names[i]], took...)
				}
			}
		}
		t := newTable(fmt.Sprintf("median of %d", turns*rounds), "ms", "ratio")
		for _, g := range groups {
			beside := g.names[0]
			if g.layer == forked {
				beside = "wrapper alone"
			}
			for _, name := range g.names {
				m := median(times[name])
				t.row(name, "%.2f", millis(m), "%.2f", float64(m)/float64(median(times[beside])))
				b.ReportMetric(millis(m), metric(name, "ms"))
			}
		}
		b.Logf("\n%s", t)
	}
}

// timeStarts times ways in turns, several times, with a layer at /opt.
func timeStarts(b *testing.B, opt string, ways []way) (times [][]time.Duration) {
	b.Helper()
	self, err := os.Executable()
	require.NoError(b, err)
	todo, err := json.Marshal(ways)
	require.NoError(b, err)
	var out, errs bytes.Buffer
	exit, err := local.Run(b.Context(), local.Function{
		Layers: []string{opt}, Mounts: []local.Mount{{Source: self, Target: "/var/bench/" + stopwatch}},
		Command: []string{"/var/bench/" + stopwatch, string(todo)}, Stdout: &out, Stderr: &errs,
	})
	require.NoError(b, err)
	require.Equal(b, local.Exit{}, exit, errs.String())
	require.NoError(b, json.Unmarshal(out.Bytes(), &times), out.String())
	return times
}

// watchStarts times the ways that its argument lists, in turns, and prints the
// times after the first. It is the Extensions API meanwhile: a bare one, which
// costs next to nothing beside what it times.
func watchStarts(out io.Writer) error {
	var ways []way
	if err := json.Unmarshal([]byte(os.Args[1]), &ways); err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	times := make([][]time.Duration, len(ways))
	for round := range rounds + 1 {
		for i, w := range ways {
			took, err := w.time(listener, slices.Concat(os.Environ(), w.Env, []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}))
			if err != nil {
				return err
			}
			if round > 0 {
				times[i] = append(times[i], took)
			}
		}
	}
	return json.NewEncoder(out).Encode(times)
}

func (w way) time(listener net.Listener, env []string) (took time.Duration, err error) {
	began := time.Now()
	pid, err := syscall.ForkExec(w.Argv[0], w.Argv, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		return 0, err
	}
	var conn net.Conn
	if !w.End || w.registers() {
		if conn, err = asked(listener); err != nil {
			return 0, err
		}
		defer conn.Close()
	}
	if !w.End {
		took = time.Since(began)
		if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil {
			return 0, err
		}
	} else if conn != nil {
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: the-id\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			return 0, err
		}
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return 0, err
	}
	if w.End {
		took = time.Since(began)
	}
	if conn != nil {
		// Who registered is gone before the next round begins. If it was killed
		// the connection may be reset: also an end.
		_, _ = io.Copy(io.Discard, conn)
	}
	return took, nil
}

// registers reports whether something registers before w ends.
func (w way) registers() bool {
	_, err := os.Stat("/opt/graft-companion")
	return err == nil
}

// asked returns the connection on which the next registration is asked for.
// Others are from who has ended meanwhile.
func asked(listener net.Listener) (net.Conn, error) {
	request := make([]byte, 4096)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return nil, err
		}
		n, err := conn.Read(request)
		if err == nil && strings.Contains(string(request[:n]), "/extension/register ") {
			return conn, nil
		}
		conn.Close()
	}
}

// BenchmarkInit times the whole init under the local environment: without
// companion, with an external and with a forked one.
func BenchmarkInit(b *testing.B) {
	testbed.NeedErr(b, isolation())
	forked, alone := forkedLayer(b, nil), forkedLayer(b, nil)
	require.NoError(b, os.Remove(filepath.Join(alone, "graft-companion")))
	external := layer(b, nil)
	require.NoError(b, os.Link(programFor(b, "wrapper", runtime.GOARCH), filepath.Join(external, "graft")))
	ways := []struct{ name, layer string }{{"wrapper alone", alone}, {"external companion", external}, {"forked companion", forked}}
	for b.Loop() {
		times := make([][]time.Duration, len(ways))
		for range turns * 2 {
			for i, w := range ways {
				f := newFunction(b, w.layer)
				f.Inits = func(init local.Init) { times[i] = append(times[i], init.Ended.Sub(init.Began)) }
				e := f.start(b)
				require.NoError(b, e.Stop(b.Context()))
			}
		}
		t := newTable(fmt.Sprintf("init, median of %d", 2*turns), "ms")
		for i, w := range ways {
			t.row(w.name, "%.1f", millis(median(times[i])))
			b.ReportMetric(millis(median(times[i])), metric(w.name, "ms"))
		}
		b.Logf("\n%s", t)
	}
}
