package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/graft-lambda/graft/internal/keep"
)

// makeAgent has the agent in C of a layer folder, if it has one, compiled into
// the layer at opt: by make, in the folder "agent" beside it. cc is a compiler
// for the layer's processor and for the C library of the functions.
func makeAgent(ctx context.Context, cc, folder, opt string) error {
	agent := filepath.Join(filepath.Dir(folder), "agent")
	if _, err := os.Stat(filepath.Join(agent, "Makefile")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := keep.Tools("make", cc); err != nil {
		return err
	}
	if _, err := keep.Run(ctx, keep.Command{Dir: agent, Argv: []string{"make", "-s", "CC=" + cc, "opt=" + opt}}); err != nil {
		return fmt.Errorf("%s: %w", agent, err)
	}
	return nil
}

// compilerFor names the compiler of programs for glibc, which Lambda's runtimes
// have, and for arch (amd64 or arm64).
func compilerFor(arch string) string {
	switch {
	case arch == runtime.GOARCH:
		return "gcc"
	case arch == "arm64":
		return "aarch64-linux-gnu-gcc"
	default:
		return "x86_64-linux-gnu-gcc"
	}
}
