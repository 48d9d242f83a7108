package layers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Module is the module that a layer's programs are built from.
const Module = "github.com/graft-lambda/graft"

// companion is the package of the companion.
const companion = "wrapper/companion"

// small are the flags by which the companion, which speaks HTTP, TLS and
// protobuf, loses a seventh of its size: no HTTP/2, which OTLP/HTTP does not
// need, and no symbols. Its modules and their versions can still be read from it.
var small = []string{"-tags", "nethttpomithttp2", "-ldflags", "-s -w -buildid="}

// BuildProgram compiles a program of this module for Lambda: static, for the
// given architecture (amd64 or arm64), the same to the byte for the same
// sources. It must run in a source tree of the module.
func BuildProgram(ctx context.Context, pkg, arch, out string) error {
	root, err := SourceTree(ctx)
	if err != nil {
		return err
	}
	out, err = filepath.Abs(out)
	if err != nil {
		return err
	}
	// -w keeps the symbols, which vulnerability scanners read. -buildid= and
	// -trimpath keep the machine out of the program, -buildvcs=false the state
	// of a work tree that SAM's copy does not have.
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-w -buildid="}
	if pkg == companion {
		args = append(args, small...)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", out, "./"+pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build ./%s: %w\n%s", pkg, err, strings.TrimSpace(stderr.String()))
	}
	return os.Chmod(out, 0o755)
}

// ErrNoSource says that the programs cannot be built here.
var ErrNoSource = errors.New("the wrapper is built from graft's sources: run this in a clone of " + Module)

// SourceTree returns the root of the module's source tree around the working
// directory.
func SourceTree(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err != nil {
		return "", ErrNoSource
	}
	module, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if module != Module {
		return "", ErrNoSource
	}
	return dir, nil
}
