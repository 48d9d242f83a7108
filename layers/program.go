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
// a source tree of the module it is compiled; elsewhere a release's own is
// unpacked. Where there is neither the error wraps [ErrNoSource].
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
		// They speak HTTP and TLS, and the companion loses a seventh of its size
		// by this: no HTTP/2, which neither OTLP/HTTP nor AWS's services need, and
		// no symbols. Modules and their versions can still be read from them.
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
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", p.Tags,
		"-ldflags", strings.TrimSpace(linker), "-o", out, "./"+p.Package)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build ./%s: %w\n%s", p.Package, err, strings.TrimSpace(stderr.String()))
	}
	return os.Chmod(out, 0o755)
}

// ErrNoSource says that the programs cannot be built here.
var ErrNoSource = errors.New("the wrapper is built from graft's sources: run this in a clone of " + Module +
	", or use the graft command of a release, which has it inside")

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
