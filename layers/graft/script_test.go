//go:build linux

package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// TestScript runs graft as testdata/script has it. The folder task has the
// runtime "bootstrap", the folder layer the extension "watch".
//
//	pack ZIP FOLDER
//
// makes a layer's zip, with the wrapper in it.
//
//	hostile ZIP
//
// makes one that writes elsewhere.
//
//	masked
//
// writes the last standard output, JSON, to the file masked, without what
// differs each time.
//
//	status CODE [ARGUMENT…]
//
// runs graft and wants this exit status.
func TestScript(t *testing.T) {
	needIsolation(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"task/bootstrap", "layer/extensions/watch"} {
				if err := program(filepath.Join(env.WorkDir, name)); err != nil {
					return err
				}
			}
			temp := filepath.Join(env.WorkDir, ".tmp")
			env.Setenv("TMPDIR", temp)
			return os.MkdirAll(temp, 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"pack":    pack,
			"hostile": hostile,
			"masked":  masked,
			"status":  status,
		},
	})
}

// needIsolation skips a test on a machine that does not let it run, and says why.
func needIsolation(t *testing.T) {
	t.Helper()
	_, err := local.Run(t.Context(), local.Function{Command: []string{"/bin/true"}})
	if notAllowed := new(local.NotAllowedError); errors.As(err, &notAllowed) {
		testbed.NeedErr(t, fmt.Errorf("%w: %v", testbed.ErrUnavailable, err))
	}
	require.NoError(t, err)
}

// program copies this program to path. See TestMain for what it then is.
func program(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func pack(ts *testscript.TestScript, _ bool, args []string) {
	opt := layers.Options{Arch: runtime.GOARCH, Companion: layers.NoCompanion}
	l, err := layers.Open(context.Background(), opt, ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(errors.Join(l.Zip(context.Background(), ts.MkAbs(args[0]), nil), l.Close()))
}

func hostile(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	z := zip.NewWriter(file)
	entry, err := z.Create("../../escaped")
	ts.Check(err)
	_, err = entry.Write([]byte("x"))
	ts.Check(err)
	ts.Check(z.Close())
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("graft", args[1:]...)
	code := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("graft %q: exit status %d, want %s", args[1:], code, args[0])
	}
}

func masked(ts *testscript.TestScript, _ bool, _ []string) {
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &document))
	text, err := json.MarshalIndent(mask("", document), "", "  ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("masked"), append(text, '\n'), 0o644))
}

// mask replaces what differs each time, and the telemetry, which has tests of
// its own.
func mask(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = mask(key, v[key])
		}
	case []any:
		if name == "events" {
			return "…"
		}
		for i := range v {
			v[i] = mask("", v[i])
		}
	case string:
		if name == "requestId" || name == "start" {
			return "…"
		}
	case float64:
		switch name {
		case "answeredMs", "durationMs", "wholeMs", "startMs", "endMs", "maxUsedMB":
			return "…"
		}
	}
	return value
}
