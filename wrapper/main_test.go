//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// scratch is a folder for the whole run of this test program.
var scratch string

func TestMain(m *testing.M) {
	local.Main()
	switch name := filepath.Base(os.Args[0]); {
	case name == stopwatch:
		if err := watch(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	case slices.Contains(fakes, name):
		fakeRuntime()
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "graft-wrapper-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// build builds the program in dir, which is of no module of ours, like the
// wrapper, to be measured beside it.
func build(dir, name, arch string) (string, error) {
	out := filepath.Join(scratch, arch, name)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-w -buildid=", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return out, nil
}

// wrappers are the real wrapper, built as it ships, at most once for an
// architecture.
var wrappers = map[string]func() (string, error){
	"amd64": sync.OnceValues(func() (string, error) { return ship("amd64") }),
	"arm64": sync.OnceValues(func() (string, error) { return ship("arm64") }),
}

func ship(arch string) (string, error) {
	out := filepath.Join(scratch, arch, "graft")
	return out, layers.BuildProgram(bounded, "wrapper", arch, out)
}

// wrapperFor returns the path of the real wrapper.
func wrapperFor(t testing.TB, arch string) string {
	t.Helper()
	path, err := wrappers[arch]()
	require.NoError(t, err)
	return path
}

// isolation says why a command cannot have an /opt of its own here.
var isolation = sync.OnceValue(func() error {
	_, err := local.Run(bounded, local.Function{Command: []string{"/bin/true"}})
	var notAllowed *local.NotAllowedError
	if errors.As(err, &notAllowed) {
		return fmt.Errorf("%w: %w", testbed.ErrUnavailable, err)
	}
	return err
})

func needIsolation(t testing.TB) {
	t.Helper()
	testbed.NeedErr(t, isolation())
}
