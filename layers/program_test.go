package layers_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers"
)

// fakeGo puts a go command on PATH that knows of graft's module here, and for
// a build opens the FIFO begun and then never ends.
func fakeGo(t *testing.T, begun string) {
	t.Helper()
	bin := t.TempDir()
	script := "#!/bin/sh\ncase $1 in\nlist) echo '" + layers.Module + "' \"$PWD\" ;;\nbuild) : >'" + begun + "'; sleep 1000 & wait ;;\nesac\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// TestCompileCancelled ends with its context and all that it has started, and
// tells of that and not of what was cut short.
func TestCompileCancelled(t *testing.T) {
	begun := filepath.Join(t.TempDir(), "begun")
	require.NoError(t, syscall.Mkfifo(begun, 0o600))
	fakeGo(t, begun)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if f, err := os.Open(begun); err == nil { // when the build opens it too
			f.Close()
		}
		cancel()
	}()
	err := layers.BuildProgram(ctx, "wrapper", runtime.GOARCH, filepath.Join(t.TempDir(), "graft"))
	assert.ErrorIs(t, err, context.Canceled)
}

// TestSourceTreeCancelled: a search that was cut short does not say that there
// are no sources.
func TestSourceTreeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := layers.SourceTree(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}
