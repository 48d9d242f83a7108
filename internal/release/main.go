// Release makes what a release of graft consists of, in one folder:
//
//	graft-ARCH.zip      the bare layer, for amd64 and arm64
//	graft-OS-ARCH       the graft command, for Linux and macOS, which carries
//	                    the layer's programs for both architectures inside
//	SHA256SUMS          as sha256sum -c reads it
//
// It prints what it has made.
//
// The same sources, version and toolchain give the same bytes, wherever they
// lie. It is not done with goreleaser: the order (the programs first, then the
// command with these inside, then the layers) and the layers' zips would be
// hooks that call this program, and only the four compilations would be left.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/graft-lambda/graft/layers"
)

func main() {
	out := flag.String("out", "dist", "the folder to write to")
	version := flag.String("version", "devel", "what `graft version` and `graft-secrets version` say")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := release(ctx, *out, *version, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// architectures are Lambda's.
var architectures = []string{"amd64", "arm64"}

// release makes it all in the folder out, and tells stdout of each file.
func release(ctx context.Context, out, version string, stdout io.Writer) error {
	if version == "" || strings.ContainsAny(version, " \t\n'\"") {
		return fmt.Errorf("version %q: want one word", version)
	}
	root, err := layers.SourceTree(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := programs(ctx, filepath.Join(root, filepath.FromSlash(layers.ReleasedDir)), version); err != nil {
		return err
	}
	var names []string
	for _, system := range []string{"darwin", "linux"} {
		for _, arch := range architectures {
			name := "graft-" + system + "-" + arch
			command := layers.Program{Package: "layers/graft", OS: system, Arch: arch, Tags: "release", Version: version}
			if err := command.Compile(ctx, filepath.Join(out, name)); err != nil {
				return err
			}
			names = append(names, name)
		}
	}
	for _, arch := range architectures {
		name := "graft-" + arch + ".zip"
		if err := layer(ctx, arch, filepath.Join(out, name)); err != nil {
			return err
		}
		names = append(names, name)
	}
	if err := sums(out, names); err != nil {
		return err
	}
	return list(out, names, stdout)
}

// list prints the named files in dir with their sizes, then the file of their
// digests.
func list(dir string, names []string, stdout io.Writer) error {
	for _, name := range names {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s  %s\n", file, layers.Megabytes(info.Size()))
	}
	_, err := fmt.Fprintf(stdout, "%s  the digests, for sha256sum -c\n", filepath.Join(dir, "SHA256SUMS"))
	return err
}

// programs fills the folder that the graft command is compiled with.
func programs(ctx context.Context, dir, version string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, pkg := range layers.ReleasedPrograms {
		for _, arch := range architectures {
			file := filepath.Join(dir, layers.ReleasedFile(pkg, arch))
			plain := strings.TrimSuffix(file, ".gz")
			program := layers.LayerProgram(pkg, arch)
			program.Version = version
			if err := program.Compile(ctx, plain); err != nil {
				return err
			}
			data, err := os.ReadFile(plain)
			if err != nil {
				return err
			}
			if err := os.Remove(plain); err != nil {
				return err
			}
			if data, err = compressed(data); err != nil {
				return err
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func compressed(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// layer writes the bare layer.
func layer(ctx context.Context, arch, file string) error {
	l, err := layers.Open(ctx, layers.Options{Arch: arch})
	if err != nil {
		return err
	}
	return errors.Join(l.Zip(ctx, file, nil), l.Close())
}

// sums writes the digests of the named files in dir.
func sums(dir string, names []string) error {
	var text strings.Builder
	for _, name := range slices.Sorted(slices.Values(names)) {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		digest := sha256.New()
		_, err = io.Copy(digest, f)
		f.Close()
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", digest.Sum(nil), name)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(text.String()), 0o644)
}
