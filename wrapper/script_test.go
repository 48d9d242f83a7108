//go:build linux

package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

// bounded is no bound: go test's own timeout ends what hangs.
var bounded = context.Background()

// TestScript runs the scripts in testdata/script on the real wrapper. A first
// line "# needs: NAME…" names tools and the test bed's runtimes.
//
// A script's folder opt stands at /opt, with the wrapper in it; task at
// /var/task; lang, if there is one, at /var/lang. There the fake runtimes are
// too, except for a script that needs a real one.
//
//	in-lambda [FLAG…] PROGRAM [ARGUMENT…]
//
// runs a program there, as a user without rights and without an entry in
// /etc/passwd. Its flags are those of [newFunction].
//
//	add-secrets
//
// puts the real graft-secrets beside the wrapper.
//
//	invoke [FLAG…] EVENT
//
// starts the real runtime as Lambda would, with the wrapper, and sends it one
// event.
func TestScript(t *testing.T) {
	needIsolation(t)
	wrapper := wrapperFor(t, runtime.GOARCH)
	files, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := needs(t, file)
			testscript.RunT(inside{t}, testscript.Params{
				Files:              []string{file},
				UpdateScripts:      *update,
				RequireUniqueNames: true,
				Setup:              func(env *testscript.Env) error { return setUp(env, wrapper) },
				Condition: func(cond string) (bool, error) {
					return cond == "root" && os.Getuid() == 0, nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"in-lambda":      s.inLambda,
					"invoke":         s.invoke,
					"compile-csharp": compileCSharp,
					"add-secrets":    addSecrets,
				},
			})
		})
	}
}

// inside lets a script run in the test that started it.
type inside struct{ *testing.T }

func (t inside) Run(_ string, f func(testscript.T)) { f(t) }
func (t inside) Parallel()                          {}
func (t inside) Verbose() bool                      { return testing.Verbose() }

// setUp lays the wrapper into the script's opt.
func setUp(env *testscript.Env, wrapper string) error {
	for _, dir := range []string{"opt/graft.d", "task"} {
		if err := os.MkdirAll(filepath.Join(env.WorkDir, dir), 0o755); err != nil {
			return err
		}
	}
	program, err := os.ReadFile(wrapper)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "opt/graft"), program, 0o755)
}

// secrets is the real graft-secrets, built at most once.
var secrets = sync.OnceValues(func() (string, error) {
	out := filepath.Join(scratch, "graft-secrets")
	return out, layers.BuildProgram(bounded, "wrapper/secrets", runtime.GOARCH, out)
})

// addSecrets lays it into the script's opt.
func addSecrets(ts *testscript.TestScript, _ bool, _ []string) {
	program, err := secrets()
	ts.Check(err)
	ts.Check(os.Link(program, ts.MkAbs("opt/graft-secrets")))
}

// needs returns the scene with the runtime that the script's first line asks
// for, or the fake ones, and skips the test if something is missing.
func needs(t *testing.T, file string) scene {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	list, found := strings.CutPrefix(first, "# needs:")
	if !found {
		list = ""
	}
	bed, err := testbed.Open()
	require.NoError(t, err)
	var s scene
	for _, name := range strings.Fields(list) {
		if !slices.Contains(bed.Names(), name) {
			testbed.NeedTool(t, name)
			continue
		}
		s.runtime = testbed.Need(t, bed, name)
		for _, m := range s.runtime.Mounts {
			s.mounts = append(s.mounts, local.Mount(m))
		}
	}
	if s.runtime.Name != "" {
		return s
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range fakes {
		s.mounts = append(s.mounts, local.Mount{Source: self, Target: "/var/lang/bin/" + name})
	}
	return s
}

// compileCSharp compiles its further arguments to its first.
func compileCSharp(ts *testscript.TestScript, _ bool, args []string) {
	bed, err := testbed.Open()
	ts.Check(err)
	for i := range args {
		args[i] = ts.MkAbs(args[i])
	}
	ts.Check(bed.CompileCSharp(bounded, args[0], args[1:]...))
}

// A scene is where a script's commands run.
type scene struct {
	runtime testbed.Runtime // none: fake ones
	mounts  []local.Mount
}

// words is a flag that may be given several times.
type words []string

func (w *words) String() string     { return strings.Join(*w, " ") }
func (w *words) Set(s string) error { *w = append(*w, s); return nil }

// newFunction reads the arguments of in-lambda.
func newFunction(args []string) (f local.Function, exit int, err error) {
	flags := flag.NewFlagSet("in-lambda", flag.ContinueOnError)
	flags.SetOutput(&strings.Builder{})
	flags.Var((*words)(&f.Env), "e", "`NAME=VALUE` of the function's configuration")
	flags.IntVar(&exit, "exit", 0, "expected exit status")
	flags.IntVar(&f.UID, "user", nobody(), "user `id`")
	flags.StringVar(&f.Handler, "handler", "", "handler")
	flags.StringVar(&f.Dir, "dir", "", "working directory")
	flags.Int64Var(&f.TmpSize, "tmp", 0, "`bytes` that fit into a /tmp of its own")
	flags.BoolVar(&f.TmpReadOnly, "read-only-tmp", false, "that /tmp is read-only")
	flags.BoolVar(&f.CloseStderr, "closed-stderr", false, "start without standard error")
	err = flags.Parse(args)
	f.GID, f.Command = f.UID, flags.Args()
	return f, exit, err
}

// nobody is a user without rights; where this test has none itself, it is that
// user.
func nobody() int {
	if uid := os.Getuid(); uid != 0 {
		return uid
	}
	return 993
}

// inLambda runs a program as a function would be run.
func (s scene) inLambda(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("in-lambda: say -exit N instead of !")
	}
	f, exit, err := newFunction(args)
	ts.Check(err)
	s.stage(ts, &f)
	f.Stdout, f.Stderr = ts.Stdout(), ts.Stderr()
	got, err := local.Run(bounded, f)
	ts.Check(err)
	if want := (local.Exit{Code: exit}); got != want {
		ts.Fatalf("in-lambda: %v, want %v", got, want)
	}
}

// stage puts the script's folders where the function sees them.
func (s scene) stage(ts *testscript.TestScript, f *local.Function) {
	f.Layers = []string{ts.MkAbs("opt")}
	f.Code = ts.MkAbs("task")
	if _, err := os.Stat(ts.MkAbs("lang")); err == nil {
		f.Mounts = append(f.Mounts, local.Mount{Source: ts.MkAbs("lang"), Target: "/var/lang"})
	}
	f.Mounts = append(f.Mounts, s.mounts...)
}

// invoke sends one event to the real runtime, with the wrapper in front.
func (s scene) invoke(ts *testscript.TestScript, _ bool, args []string) {
	f, _, err := newFunction(args)
	ts.Check(err)
	event := []byte(f.Command[0])
	s.stage(ts, &f)
	f.Command, f.Managed = s.runtime.Command(f.Handler), true
	f.Env = slices.Concat(s.runtime.Env, []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/graft"}, f.Env)
	f.Timeout = time.Minute
	f.Stderr = ts.Stderr()
	var log bytes.Buffer
	f.Stdout = &log
	e, err := local.Start(bounded, f)
	if err != nil {
		ts.Fatalf("start: %v\n%s", err, log.String())
	}
	answer, err := e.Invoke(bounded, event)
	ts.Check(e.Stop(bounded))
	ts.Check(err)
	// In this order, whatever the buffers did.
	ts.Stdout().Write(log.Bytes())
	ts.Stdout().Write(append(answer.Body, '\n'))
}
