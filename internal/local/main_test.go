//go:build linux

package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// programs are what this binary is when it is started under their names.
var programs = map[string]func(){
	"bootstrap":     goRuntime,
	"go-ext":        goExtension,
	"tel-ext":       telExtension,
	"nobody":        nobody,
	"orphan":        orphan,
	"frozen-orphan": frozenOrphan,
	"forbidden":     forbidden,
}

func TestMain(m *testing.M) {
	if os.Args[0] == "careless" {
		careless()
		return
	}
	local.Main()
	if program := programs[filepath.Base(os.Args[0])]; program != nil {
		program()
		return
	}
	os.Exit(m.Run())
}

// deadline is beyond what any step here may take; it only ends what hangs.
const deadline = time.Minute

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// buffer collects what a process writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// needIsolation skips a test on a machine that does not let it run, and says why.
func needIsolation(t *testing.T) {
	t.Helper()
	_, err := local.Run(bounded(t), local.Function{Command: []string{"/bin/true"}})
	var notAllowed *local.NotAllowedError
	if errors.As(err, &notAllowed) {
		unavailable(t, err.Error())
	}
	require.NoError(t, err)
}

// unavailable skips a test under the project's one rule: where nothing may be
// skipped it fails.
func unavailable(t *testing.T, why string) {
	t.Helper()
	testbed.NeedErr(t, fmt.Errorf("%w: %s", testbed.ErrUnavailable, why))
}

// bash returns a function whose process is a bash with this script.
func bash(script string) local.Function {
	return local.Function{Command: []string{"/bin/bash", "-c", script}, Timeout: deadline}
}

// output runs the function and returns what it wrote to standard output.
func output(t *testing.T, f local.Function) string {
	t.Helper()
	var stdout, stderr buffer
	f.Stdout, f.Stderr = &stdout, &stderr
	exit, err := local.Run(bounded(t), f)
	require.NoError(t, err)
	require.Equal(t, local.Exit{}, exit, "stderr: %s", &stderr)
	return stdout.String()
}

// start starts the function and stops it when the test ends.
func start(t *testing.T, f local.Function) *local.Environment {
	t.Helper()
	e, err := local.Start(bounded(t), f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
	return e
}

// files makes a folder: a value that starts with -> is a symbolic link, a name that
// ends in / a folder; the mode of everything else is 0644.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	return testbed.Tree(t, 0o644, content)
}

// self starts this binary as one of the programs.
func self(t *testing.T, name string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(bounded(t), "/proc/self/exe")
	cmd.Args = append([]string{name}, arguments...)
	cmd.Stderr = os.Stderr
	return cmd
}
