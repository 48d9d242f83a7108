//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// forkedLayer is a folder with the wrapper, the companion that it starts, and
// other files.
func forkedLayer(t testing.TB, files map[string]string) string {
	t.Helper()
	testbed.NeedErr(t, isolation())
	opt := t.TempDir()
	require.NoError(t, os.Link(programFor(t, "wrapper", runtime.GOARCH), filepath.Join(opt, "graft")))
	require.NoError(t, os.Link(companionFor(t, runtime.GOARCH), filepath.Join(opt, "graft-companion")))
	testbed.Write(t, opt, 0o755, files)
	return opt
}

// A function is one under the local environment, and what it and its companion
// print.
type function struct {
	local.Function
	out, err testbed.Journal
}

// newFunction is the test's own runtime with a layer, behind the wrapper.
func newFunction(t testing.TB, opt string, env ...string) *function {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	f := &function{Function: local.Function{
		Command: []string{"/var/lang/bin/" + runtimeName}, Managed: true,
		Mounts:  []local.Mount{{Source: self, Target: "/var/lang/bin/" + runtimeName}},
		Layers:  []string{opt},
		Env:     append([]string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/graft"}, env...),
		TmpSize: 1 << 20, Timeout: limit,
	}}
	f.Stdout, f.Stderr = &f.out, &f.err
	return f
}

func (f *function) start(t testing.TB) *local.Environment {
	t.Helper()
	e, err := local.Start(t.Context(), f.Function)
	require.NoError(t, err, "%s%s", &f.out, &f.err)
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	return e
}

// send sends an event and returns the answer, or the error's type.
func send(t testing.TB, e *local.Environment, event string, options ...local.InvokeOption) string {
	t.Helper()
	answer, err := e.Invoke(t.Context(), []byte(strconv.Quote(event)), options...)
	require.NoError(t, err)
	if answer.FunctionError != "" {
		return answer.ErrorType
	}
	return string(answer.Body)
}

// A member is a process of a group.
type member struct {
	pid, parent int
	zombie      bool
	argv        []string
}

// group returns the processes of a group but its leader.
func group(t *testing.T, leader int) (members []member) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		stat, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if err != nil || pid == leader || len(fields) < 3 || fields[2] != strconv.Itoa(leader) {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		members = append(members, member{pid, parent, fields[0] == "Z", strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")})
	}
	// A program that is just being started has no group of its own yet.
	return slices.DeleteFunc(slices.Clone(members), func(m member) bool {
		return m.argv[0] == "/opt/graft-companion" &&
			slices.ContainsFunc(members, func(parent member) bool { return m.parent == parent.pid && parent.argv[0] == m.argv[0] })
	})
}

// companionOf returns the one process that shares the group of the runtime.
func companionOf(t *testing.T, e *local.Environment) int {
	t.Helper()
	members := group(t, e.PID())
	require.Len(t, members, 1)
	assert.Equal(t, []string{"/opt/graft-companion", "forked"}, members[0].argv)
	assert.False(t, members[0].zombie)
	assert.NotEqual(t, e.PID(), members[0].parent, "no child of the runtime")
	return members[0].pid
}

// descriptors returns what a process has open, by number.
func descriptors(t *testing.T, pid int) map[string]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	list := map[string]string{}
	for _, entry := range entries {
		list[entry.Name()], _ = os.Readlink(filepath.Join(dir, entry.Name()))
	}
	return list
}

// programs waits until program p has been started n times, and returns the ids.
func (f *function) programs(t *testing.T, n int) []int {
	t.Helper()
	eventually(t, func() bool { return len(numbers(f.out.String(), "p")) >= n }, "the program runs")
	programs := numbers(f.out.String(), "p")
	require.Len(t, programs, n)
	return programs
}

const printsItsID = "GRAFT_RUN='sh -c \"echo $$; exec sleep 1000\"'\n"

// TestForked: what the runtime finds with a companion in its group is what it
// finds without, and neither the companion nor its programs have what is the
// runtime's.
func TestForked(t *testing.T) {
	opt := forkedLayer(t, map[string]string{"graft.d/50-p.env": printsItsID})
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer log.Close()

	f := newFunction(t, opt, "GRAFT_STRICT=1")
	f.Files = []*os.File{log}
	e := f.start(t)
	assert.Equal(t, `"hello"`, send(t, e, "hello"))
	companion := companionOf(t, e)
	program := f.programs(t, 1)
	assert.Empty(t, f.err.String())

	alone := newFunction(t, opt, "GRAFT_STRICT=1", "GRAFT_DISABLE=1")
	alone.Files = []*os.File{log}
	other := alone.start(t)
	assert.Equal(t, `"hello"`, send(t, other, "hello"))
	assert.Empty(t, group(t, other.PID()), "switched off")
	with, without := descriptors(t, e.PID()), descriptors(t, other.PID())
	assert.Equal(t, log.Name(), with["3"])
	assert.ElementsMatch(t, kinds(without), kinds(with))

	assert.Equal(t, "/dev/null", descriptors(t, companion)["0"])
	assert.NotContains(t, kinds(descriptors(t, companion)), log.Name())
	assert.Len(t, descriptors(t, program[0]), 3)
	require.NoError(t, e.Stop(context.Background()))
	assert.False(t, alive(companion))
	assert.False(t, alive(program[0]))
}

// kinds are the targets of descriptors, without their numbers.
func kinds(descriptors map[string]string) (list []string) {
	for _, target := range descriptors {
		kind, _, _ := strings.Cut(target, ":[")
		list = append(list, kind)
	}
	return list
}

// TestForkedReset: with the runtime the old companion and its programs are
// gone, and new ones stand before the new runtime does.
func TestForkedReset(t *testing.T) {
	f := newFunction(t, forkedLayer(t, map[string]string{"graft.d/50-p.env": printsItsID}))
	e := f.start(t)
	for life := range 3 {
		assert.Equal(t, `"hello"`, send(t, e, "hello"))
		companion := companionOf(t, e)
		programs := f.programs(t, life+1)
		assert.True(t, alive(programs[life]))
		assert.Equal(t, "Runtime.ExitError", send(t, e, "crash"))
		assert.False(t, alive(companion))
		eventually(t, func() bool { return !alive(programs[life]) }, "the program ends with it")
	}
	assert.NotContains(t, f.err.String(), "graft: ", "nothing went wrong with the second one")
}

// TestForkedTwice: graft in front of a script, which has it in front of the
// program.
func TestForkedTwice(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"in its place", "#!/bin/sh\nexec /opt/graft /var/lang/bin/runtime\n"},
		{"as its child", "#!/bin/sh\n/opt/graft /var/lang/bin/runtime\n"},
		{"in another session", "#!/bin/sh\nsetsid --wait /opt/graft /var/lang/bin/runtime\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFunction(t, forkedLayer(t, map[string]string{"graft.d/50-p.env": printsItsID, "bootstrap": c.script}), "GRAFT_STRICT=1")
			f.Command = []string{"/opt/bootstrap"}
			e := f.start(t)
			assert.Equal(t, `"hello"`, send(t, e, "hello"))
			var companions int
			for _, m := range group(t, e.PID()) {
				if m.argv[0] == "/opt/graft-companion" {
					companions++
				}
			}
			assert.Equal(t, 1, companions)
			assert.Empty(t, f.err.String())
			if !strings.Contains(c.script, "setsid") {
				f.programs(t, 1)
			}
		})
	}
}

// TestForkedEnd: the SIGTERM of the runtime's group is the shutdown. Programs
// get theirs, and the time to act on it.
func TestForkedEnd(t *testing.T) {
	for _, ready := range []string{"none", "tcp:127.0.0.1:1"} {
		f := newFunction(t, forkedLayer(t, map[string]string{
			"graft.d/50-p.env": "GRAFT_RUN=/opt/p\nGRAFT_RUN_READY=" + ready + "\nGRAFT_RUN_READY_TIMEOUT=1h\n",
			"p":                "#!/bin/sh\ntrap 'echo bye; exit' TERM\necho $$\nwhile :; do sleep 1000 & wait; done\n",
		}), "STUBBORN=1")
		e := f.start(t)
		assert.Equal(t, `"hello"`, send(t, e, "hello"))
		companion := companionOf(t, e)
		f.programs(t, 1)
		require.NoError(t, syscall.Kill(companion, syscall.SIGTERM))
		eventually(t, func() bool { return !alive(companion) }, "it ends by SIGTERM")
		assert.Contains(t, f.out.String(), "p: bye\n")
		if ready == "none" {
			assert.Empty(t, f.err.String())
		} else {
			assert.Equal(t, "graft-companion: p: not ready (tcp) after 800ms: going on without waiting\n", f.err.String())
		}
	}
}

// TestForkedOutlives: a companion whose runtime has ended ends too, even if
// nobody kills it.
func TestForkedOutlives(t *testing.T) {
	a := serve(t, &api{next: []reply{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}})
	ready := filepath.Join(t.TempDir(), "ready")
	opt := forkedLayer(t, map[string]string{"graft.d/50-p.env": "GRAFT_RUN=/opt/p\nGRAFT_RUN_READY=file:" + ready + "\n",
		"p": "#!/bin/sh\ntrap 'echo bye; exit' TERM\ntouch " + ready + "\nwhile :; do sleep 1000 & wait; done\n"})
	cmd := onOpt(opt, "", "/opt/graft", "/bin/true")
	cmd.SysProcAttr.Setpgid = true
	s := start(t, cmd, "AWS_LAMBDA_RUNTIME_API="+a.address)
	require.NoError(t, s.end(t))
	eventually(t, func() bool { return len(group(t, cmd.Process.Pid)) == 0 }, "the companion ends")
	assert.Equal(t, "p: bye\n", s.out.String())
}

// TestForkedOrder: the runtime starts when Lambda has answered the
// registration, be that slow, and not before.
func TestForkedOrder(t *testing.T) {
	var registered atomic.Bool
	first := make(chan bool, 1)
	a := serve(t, &api{
		register: []reply{slow(func(w http.ResponseWriter, r *http.Request) {
			registered.Store(true)
			accept(w, r)
		})},
		next: []reply{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		runtime: func(http.ResponseWriter, *http.Request) {
			first <- registered.Load()
			panic(http.ErrAbortHandler)
		},
	})
	self, err := os.Executable()
	require.NoError(t, err)
	opt := forkedLayer(t, nil)
	require.NoError(t, os.Link(self, filepath.Join(opt, runtimeName)))
	cmd := onOpt(opt, "", "/opt/graft", "/opt/"+runtimeName)
	cmd.SysProcAttr.Setpgid = true
	s := start(t, cmd, "AWS_LAMBDA_RUNTIME_API="+a.address)
	assert.Error(t, s.end(t))
	assert.True(t, <-first)
	assert.Equal(t, []string{"graft-companion"}, a.names)
	assert.Equal(t, []string{"[]"}, a.events)
	assert.Empty(t, s.err.String())
}

// A line is what the wrapper hears.
type line struct {
	strings.Builder
	closed bool
}

func (l *line) Close() error { l.closed = true; return nil }

// TestForkedAnswers: what it does where Lambda does not simply agree, and what
// it tells the wrapper.
func TestForkedAnswers(t *testing.T) {
	closed := refuse(403, "Extension.RegistrationClosed")
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name           string
		env            []string
		register, next []reply
		events         []string
		ends           bool // by itself
		told, said     string
	}{
		{name: "nothing wrong", next: []reply{hang}, events: []string{`[]`}, told: "registered\n"},
		{name: "telemetry, end", env: []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end"}, next: []reply{hang},
			events: []string{`["INVOKE"]`}, told: "registered\n"},
		{name: "telemetry, end, Managed Instances", env: []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end", "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances"},
			next: []reply{hang}, events: []string{`[]`}, told: "registered\n"},
		{name: "INVOKE refused", env: []string{"GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end"}, register: []reply{refuse(403, "Extension.InvalidEventType")},
			next: []reply{hang}, events: []string{`["INVOKE"]`, `[]`}, told: "registered\n"},
		{name: "registered already", register: []reply{refuse(403, "Extension.InvalidExtensionState")}, events: []string{`[]`}, ends: true, told: "registered\n"},
		{name: "too late", register: []reply{refuse(500, ""), closed}, events: []string{`[]`, `[]`}, ends: false,
			said: "register: status 500: no: trying again\ngraft-companion: register: status 403: Extension.RegistrationClosed: no: too late: going on without telemetry\n"},
		{name: "forgotten", next: []reply{refuse(403, "Extension.UnknownExtensionIdentifier")}, events: []string{`[]`}, ends: true, told: "registered\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, &api{register: c.register, next: c.next})
			l := newLife(a, map[string]string{"10-p.env": "GRAFT_RUN=sh -c 'trap \"echo bye; exit\" TERM; echo hello; while :; do sleep 1000 & wait; done'\n"}, c.env...)
			told := &line{}
			l.forked, l.wrapper = true, told
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan struct{})
			go func() {
				newCompanion(l.machine).live(ctx)
				close(ended)
			}()
			if !c.ends {
				eventually(t, func() bool {
					registered, next := a.calls()
					return registered == len(c.events) && (next > 0 || len(c.next) == 0) &&
						strings.Contains(l.out.String(), "p: hello\n") && strings.HasSuffix(l.said.String(), c.said)
				}, "it has come so far")
				cancel()
			}
			select {
			case <-ended:
			case <-time.After(limit):
				require.Fail(t, "it does not end")
			}
			assert.Equal(t, c.events, a.events)
			assert.Equal(t, c.told, told.String())
			assert.Equal(t, c.told != "", told.closed)
			assert.Equal(t, c.said, strings.TrimPrefix(l.said.String(), "graft-companion: "))
			if !c.ends {
				assert.True(t, slices.Contains(strings.Split(l.out.String(), "\n"), "p: bye"), "its program was told")
			}
		})
	}
}

// TestRIEForked: AWS's own emulator takes it for an internal extension, and in
// each life of the environment for a new one.
func TestRIEForked(t *testing.T) {
	bed, err := testbed.Open()
	require.NoError(t, err)
	rie := testbed.NeedEmulator(t, bed)
	self, err := os.Executable()
	require.NoError(t, err)
	opt := forkedLayer(t, map[string]string{"graft.d/50-p.env": printsItsID})
	require.NoError(t, os.Link(self, filepath.Join(opt, runtimeName)))
	s := start(t, onOpt(opt, "", append(append([]string{rie.Program}, rie.Options()...), "/opt/graft", "/opt/"+runtimeName)...), "GRAFT_TELEMETRY=platform", "GRAFT_TELEMETRY_FLUSH=end")
	for range 3 {
		assert.Equal(t, `"hello"`, invocation(t, rie, `"hello"`))
	}
	assert.Contains(t, invocation(t, rie, `"crash"`), "Runtime.ExitError")
	assert.Equal(t, `"hello"`, invocation(t, rie, `"hello"`))
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, s.end(t))
	assert.Equal(t, 2, strings.Count(s.err.String(), "registered, subscribed to [INVOKE]"))
	assert.Contains(t, s.err.String(), "Internal agent graft-companion")
	programs := numbers(s.out.String(), "p")
	require.Len(t, programs, 2)
	for _, pid := range programs {
		eventually(t, func() bool { return !alive(pid) }, "nothing is left behind")
	}
	assert.NotContains(t, s.out.String(), "graft: ")
	assert.NotContains(t, s.out.String(), "graft-companion: ")
}
