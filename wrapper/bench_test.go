//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// agents returns the fragments of n agents that each serve every runtime, and
// the files that they load, all below /opt.
func agents(n int) map[string]string {
	files := make(map[string]string)
	for i := range n {
		dir := fmt.Sprintf("agent%02d", i)
		text := strings.ReplaceAll(`# Everything that the agent's manual asks for.
JAVA_TOOL_OPTIONS=-javaagent:/opt/DIR/javaagent.jar -DDIR.exporter=otlp
NODE_OPTIONS=--import "/opt/DIR/register.mjs"
PYTHONPATH=/opt/DIR/python/auto_instrumentation:/opt/DIR/python:/var/task
DOTNET_STARTUP_HOOKS=/opt/DIR/net/StartupHook.dll
RUBYOPT=-r/opt/DIR/register.rb
DIR_PROPAGATORS=tracecontext,baggage,xray
OTEL_RESOURCE_ATTRIBUTES=DIR.version=1.2.3,DIR.arch=x86_64
`, "DIR", dir)
		if i == 0 {
			text += "CORECLR_ENABLE_PROFILING=1\nCORECLR_PROFILER={918728DD-259F-4A6A-AC2B-B85E1B658318}\nCORECLR_PROFILER_PATH=/opt/agent00/native.so\n"
		}
		files[fmt.Sprintf("graft.d/%02d-%s.env", i, dir)] = text
		for _, name := range []string{"javaagent.jar", "register.mjs", "python/auto_instrumentation/sitecustomize.py", "net/StartupHook.dll", "register.rb", "native.so"} {
			files[dir+"/"+name] = ""
		}
	}
	files["graft-python/sitecustomize.py"] = ""
	return files
}

// commandLines are what the managed runtimes are started with.
var commandLines = map[fragment.Language][]string{
	fragment.Java: {"/var/lang/bin/java", "-XX:MaxHeapSize=445645k", "-XX:+UseSerialGC", "-Xshare:on",
		"-XX:SharedArchiveFile=/var/lang/lib/server/runtime.jsa", "-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1",
		"-classpath", "/var/runtime/lib/a.jar:/var/runtime/lib/b.jar", "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", "app.Main::run"},
	fragment.NodeJS: {"/var/lang/bin/node", "--expose-gc", "--max-http-header-size", "81920", "--max-semi-space-size=51",
		"--max-old-space-size=921", "/var/runtime/index.mjs"},
	fragment.Python: {"/var/lang/bin/python3.12", "/var/runtime/bootstrap.py"},
}

const nodeHeaderText = "#define NODE_MAJOR_VERSION 22\n#define NODE_MINOR_VERSION 20\n#define NODE_PATCH_VERSION 0\n"

// BenchmarkPlan times the planner alone: from parsed fragments to the process.
func BenchmarkPlan(b *testing.B) {
	for _, lang := range []fragment.Language{fragment.Java, fragment.NodeJS, fragment.Python} {
		for _, n := range []int{1, 5, 50} {
			files := fstest.MapFS{"var/lang/include/node/node_version.h": {Data: []byte(nodeHeaderText)}}
			for name, text := range agents(n) {
				files["opt/"+name] = &fstest.MapFile{Data: []byte(text)}
			}
			root := newMemory(b, files)
			m := inject.Machine{Root: root, Dir: "/var/task", Arch: runtime.GOARCH, Self: "/opt/graft"}
			p := inject.Process{Argv: commandLines[lang], Env: os.Environ()}
			fragments, problems := fragment.ReadDir(root, fragment.Dir)
			require.Empty(b, problems)
			rt := inject.Detect(p, fragment.Settings{}, m)
			plan := inject.New(p, fragments, fragment.Settings{}, rt, m)
			require.Len(b, plan.Agents, n)
			require.Empty(b, plan.Skips)
			b.Run(fmt.Sprintf("%s/%d", lang, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					inject.New(p, fragments, fragment.Settings{}, rt, m).Apply(p)
				}
			})
		}
	}
}

// BenchmarkDecide times all between the start of main and exec on the real
// file system: read, parse, plan, apply.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{0, 1, 5, 50} {
		dir := b.TempDir()
		files := agents(n)
		files["../var/lang/include/node/node_version.h"] = nodeHeaderText
		testbed.Write(b, filepath.Join(dir, "opt"), 0o644, files)
		m := inject.Machine{Root: os.DirFS(dir), Dir: "/var/task", Arch: runtime.GOARCH, Self: "/opt/graft"}
		original := inject.Process{Argv: commandLines[fragment.NodeJS], Env: os.Environ()}
		d := inject.Decide(original, m)
		require.Len(b, d.Plan.Agents, n)
		require.Empty(b, d.Problems)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				inject.Decide(original, m)
			}
		})
	}
}

const (
	// stopwatch is the name under which this program times the others, in a
	// mount namespace of its own.
	stopwatch = "graft-stopwatch"
	// rounds is how often each way to start a program is timed.
	rounds = 400
	// doNothing is the least that a wrapper in Go can do.
	doNothing = `package main

import (
	"os"
	"syscall"
)

func main() { syscall.Exec(os.Args[1], os.Args[1:], os.Environ()) }
`
	bashWrapper = `#!/bin/bash
export NODE_OPTIONS="${NODE_OPTIONS} --import /opt/agent00/register.mjs"
exec "$@"
`
)

// A way to start a program: Opt is the folder that then stands at /opt.
type way struct {
	Name, Opt string
	Argv      []string
}

// BenchmarkStart times whole processes, all ways in turns in one run: from
// fork to the end of a program that does nothing, with wrappers in front.
func BenchmarkStart(b *testing.B) {
	needIsolation(b)
	if os.Getuid() != 0 {
		testbed.NeedErr(b, fmt.Errorf("%w: to change what stands at /opt in mid-run takes root", testbed.ErrUnavailable))
	}
	dir := b.TempDir()
	testbed.Write(b, dir, 0o644, map[string]string{"nothing/main.go": doNothing, "nothing/go.mod": "module nothing\n\ngo 1.26\n", "bash": bashWrapper,
		"lang/include/node/node_version.h": nodeHeaderText})
	b.Setenv("GOFLAGS", "")
	nothing, err := build(filepath.Join(dir, "nothing"), "nothing", runtime.GOARCH)
	require.NoError(b, err)
	require.NoError(b, os.Chmod(filepath.Join(dir, "bash"), 0o755))
	self, err := os.Executable()
	require.NoError(b, err)
	mounts := []local.Mount{
		{Source: filepath.Join(dir, "lang"), Target: "/var/lang"},
		{Source: "/bin/true", Target: "/var/lang/bin/node"},
		{Source: self, Target: "/var/bench/" + stopwatch},
		{Source: nothing, Target: "/var/bench/nothing"},
		{Source: filepath.Join(dir, "bash"), Target: "/var/bench/bash"},
	}
	command := commandLines[fragment.NodeJS]
	ways := []way{
		{"direct", "", command},
		{"Go, exec only", "", append([]string{"/var/bench/nothing"}, command...)},
		{"bash, three lines", "", append([]string{"/var/bench/bash"}, command...)},
	}
	for _, n := range []int{0, 1, 5, 50} {
		opt := layer(b, agents(n))
		target := "/var/bench/opt" + strconv.Itoa(n)
		mounts = append(mounts, local.Mount{Source: opt, Target: target})
		ways = append(ways, way{fmt.Sprintf("graft, %d fragments", n), target, append([]string{"/opt/graft"}, command...)})
	}
	todo, err := json.Marshal(ways)
	require.NoError(b, err)
	for b.Loop() {
		var out, errs bytes.Buffer
		exit, err := local.Run(bounded, local.Function{
			Layers: []string{b.TempDir()}, Mounts: mounts, Stdout: &out, Stderr: &errs,
			Command: []string{"/var/bench/" + stopwatch, string(todo)},
			Env:     []string{"AWS_EXECUTION_ENV=AWS_Lambda_nodejs22.x", "GRAFT_STRICT=1"},
		})
		require.NoError(b, err)
		require.Equal(b, local.Exit{}, exit, errs.String())
		var medians []time.Duration
		require.NoError(b, json.Unmarshal(out.Bytes(), &medians), out.String())
		b.Logf("\n%s", table(ways, medians))
		for i, m := range medians {
			b.ReportMetric(m.Seconds()*1000, strings.NewReplacer(" ", "-", ",", "").Replace(ways[i].Name)+"-ms")
		}
	}
}

// table shows the medians and how they compare with the second, a program in
// Go that does nothing but exec.
func table(ways []way, medians []time.Duration) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "median of %d\tms\tratio\t\n", rounds)
	for i, m := range medians {
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t\n", ways[i].Name, m.Seconds()*1000, float64(m)/float64(medians[1]))
	}
	w.Flush()
	return text.String()
}

// watch times the ways that its argument lists, in turns, and prints the
// medians.
func watch(out io.Writer) error {
	var ways []way
	if err := json.Unmarshal([]byte(os.Args[1]), &ways); err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	times := make([][]time.Duration, len(ways))
	for range rounds + 5 {
		for i, way := range ways {
			if way.Opt != "" {
				if err := unix.Mount(way.Opt, "/opt", "", unix.MS_BIND, ""); err != nil {
					return fmt.Errorf("bind %s: %w", way.Opt, err)
				}
			}
			took, err := timeOne(way.Argv)
			if err != nil {
				return fmt.Errorf("%s: %w", way.Name, err)
			}
			times[i] = append(times[i], took)
			if way.Opt != "" {
				if err := unix.Unmount("/opt", 0); err != nil {
					return err
				}
			}
		}
	}
	medians := make([]time.Duration, len(ways))
	for i := range times {
		warm := times[i][5:]
		slices.Sort(warm)
		medians[i] = warm[len(warm)/2]
	}
	return json.NewEncoder(out).Encode(medians)
}

// timeOne starts a program and waits for its end.
func timeOne(argv []string) (time.Duration, error) {
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}}
	start := time.Now()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, err
	}
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	took := time.Since(start)
	if err == nil && status != 0 {
		err = fmt.Errorf("exit status %d", status.ExitStatus())
	}
	return took, err
}

// memory is a MapFS that knows its files and folders by name: MapFS itself
// goes through all of them to say what a folder is.
type memory struct {
	fstest.MapFS
	known map[string]fs.FileInfo
}

func newMemory(b *testing.B, files fstest.MapFS) memory {
	m := memory{files, make(map[string]fs.FileInfo)}
	require.NoError(b, fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			m.known[name], err = d.Info()
		}
		return err
	}))
	return m
}

func (m memory) Stat(name string) (fs.FileInfo, error) {
	if info, ok := m.known[name]; ok {
		return info, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}
