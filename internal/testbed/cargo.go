package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
)

// Cargo returns the program that cargo makes of the Rust project in a folder,
// with the crates that its Cargo.lock pins; crate is the one whose version
// names it. OpenSSL is the machine's own: to build it too would take minutes.
func (b *Bed) Cargo(ctx context.Context, project, crate string) (program string, err error) {
	manifests := map[string][]byte{}
	recipe := ""
	for _, name := range []string{"Cargo.toml", "Cargo.lock", "src/main.rs"} {
		if manifests[name], err = os.ReadFile(filepath.Join(project, name)); err != nil {
			return "", err
		}
		recipe += string(manifests[name])
	}
	version, err := crateVersion(string(manifests["Cargo.lock"]), crate)
	if err != nil {
		return "", err
	}
	dir, err := b.get(ctx, item{
		name: crate, version: version, recipe: recipe,
		fill: func(ctx context.Context, dir string) error { return cargoBuild(ctx, manifests, dir) },
	})
	return filepath.Join(dir, "program"), err
}

// cargoBuild lays the project into dir, builds it, and leaves the program only.
func cargoBuild(ctx context.Context, manifests map[string][]byte, dir string) error {
	if err := keep.Tools("cargo", "gcc", "pkg-config"); err != nil {
		return err
	}
	if _, err := keep.Run(ctx, keep.Command{Argv: []string{"pkg-config", "--exists", "openssl"}}); err != nil {
		return unavailable("the headers of OpenSSL are not there (Debian: libssl-dev)")
	}
	src := filepath.Join(dir, "project")
	for name, data := range manifests {
		name = filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	target := filepath.Join(src, "target")
	if _, err := keep.Run(ctx, keep.Command{
		Dir: src, Argv: []string{"cargo", "build", "--locked", "--quiet"},
		Env: []string{"OPENSSL_NO_VENDOR=1", "CARGO_TARGET_DIR=" + target},
	}); err != nil {
		return err
	}
	name, err := crateName(string(manifests["Cargo.toml"]))
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(target, "debug", name), filepath.Join(dir, "program")); err != nil {
		return err
	}
	return os.RemoveAll(src)
}

var packageName = regexp.MustCompile(`(?m)^\[package\]\nname = "([^"]+)"$`)

func crateName(manifest string) (string, error) {
	m := packageName.FindStringSubmatch(manifest)
	if m == nil {
		return "", errors.New("the project's Cargo.toml does not begin with [package] and its name")
	}
	return m[1], nil
}

// crateVersion returns the version at which a Cargo.lock pins crate.
func crateVersion(lock, crate string) (string, error) {
	_, rest, found := strings.Cut(lock, fmt.Sprintf("\nname = %q\nversion = \"", crate))
	version, _, _ := strings.Cut(rest, `"`)
	if !found || version == "" {
		return "", fmt.Errorf("crate %q: not in Cargo.lock", crate)
	}
	return version, nil
}
