package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
	"github.com/graft-lambda/graft/internal/version"
)

// Module is the module that a layer's programs are built from.
const Module = "github.com/graft-lambda/graft"

// The packages of a layer's programs.
const (
	wrapper   = "wrapper"
	companion = "wrapper/companion"
	secrets   = "wrapper/secrets"
)

// BuildProgram makes a program of this module for Lambda: static, for the given
// architecture (amd64 or arm64), the same to the byte for the same sources. In
// a source tree of the module it is compiled; elsewhere the one that a release
// carries is unpacked. Where there is neither, the error is [ErrNoSource].
func BuildProgram(ctx context.Context, pkg, arch, out string) error {
	err := LayerProgram(pkg, arch).Compile(ctx, out)
	if errors.Is(err, ErrNoSource) {
		return unpack(pkg, arch, out)
	}
	return err
}

// LayerProgram is a program of this module as it goes into a layer.
func LayerProgram(pkg, arch string) Program {
	p := Program{Package: pkg, OS: "linux", Arch: arch}
	if pkg != wrapper {
		// These speak HTTP and TLS. Without symbols, and without HTTP/2, which
		// neither OTLP/HTTP nor AWS's services need, the companion is a seventh
		// smaller. Modules and their versions can still be read from them.
		p.Tags, p.Linker = "nethttpomithttp2", "-s"
	}
	return p
}

// A Program is a program of this module that is to be compiled.
type Program struct {
	Package string // its folder in the module, slash-separated
	OS      string // as in GOOS
	Arch    string // as in GOARCH
	Tags    string // build tags, separated by commas
	Linker  string // more options for the linker
	Version string // of the release, for those that say it; empty: none
}

// Compile writes the program to the file out, the same to the byte for the same
// sources and toolchain. It must run in a source tree of the module.
func (p Program) Compile(ctx context.Context, out string) error {
	root, err := SourceTree(ctx)
	if err != nil {
		return err
	}
	out, err = filepath.Abs(out)
	if err != nil {
		return err
	}
	linker := "-w -buildid= " + p.Linker
	if p.Version != "" {
		linker += " -X " + version.Linked + "=" + p.Version
	}
	// -w keeps the symbols, which vulnerability scanners read. -buildid= and
	// -trimpath keep the machine out of the program, -buildvcs=false the state
	// of a work tree that SAM's copy does not have.
	_, err = keep.Run(ctx, keep.Command{
		Dir: root,
		Argv: []string{"go", "build", "-trimpath", "-buildvcs=false", "-tags", p.Tags,
			"-ldflags", strings.TrimSpace(linker), "-o", out, "./" + p.Package},
		Env: []string{"CGO_ENABLED=0", "GOOS=" + p.OS, "GOARCH=" + p.Arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0"},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", p.Package, err)
	}
	return os.Chmod(out, 0o755)
}

// ErrNoSource says that the programs cannot be built here.
var ErrNoSource = errors.New("the wrapper is built from graft's sources: run this in a clone of " + Module +
	", or use the graft command of a release, which has it inside")

// SourceTree returns the root of the module's source tree around the working
// directory. Where there is none, the error is [ErrNoSource].
func SourceTree(ctx context.Context) (string, error) {
	out, err := keep.Run(ctx, keep.Command{Argv: []string{"go", "list", "-m", "-f", "{{.Path}} {{.Dir}}"}})
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", ErrNoSource
	}
	module, dir, _ := strings.Cut(strings.TrimSpace(out), " ")
	if module != Module {
		return "", ErrNoSource
	}
	return dir, nil
}
