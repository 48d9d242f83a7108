package layers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const defaultPython = "3.13"

// complete fills in what was left out.
func (o Options) complete(ctx context.Context) (Options, error) {
	if o.Arch != "amd64" && o.Arch != "arm64" {
		return o, fmt.Errorf("architecture %q: Lambda has amd64 (x86_64) and arm64", o.Arch)
	}
	if o.Python == "" {
		o.Python = defaultPython
	}
	if o.Cache == "" {
		dir, err := CacheDir(ctx)
		if err != nil {
			return o, err
		}
		o.Cache = dir
	}
	return o, nil
}

// CacheDir is where installed dependencies are kept: layers in the folder that
// GRAFT_CACHE names, else .cache/layers in a source tree of this module, else
// in the user's own cache.
func CacheDir(ctx context.Context) (string, error) {
	if dir := os.Getenv("GRAFT_CACHE"); dir != "" {
		return filepath.Join(dir, "layers"), nil
	}
	if root, err := SourceTree(ctx); err == nil {
		return filepath.Join(root, ".cache", "layers"), nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "graft", "layers"), err
}

// key names an installation by all that decides about its content.
func key(arch, version string, argv []string, files map[string][]byte) string {
	all, err := json.Marshal([]any{arch, version, argv, files})
	if err != nil {
		panic(err) // strings and bytes
	}
	sum := sha256.Sum256(all)
	return filepath.Base(argv[0]) + "-" + hex.EncodeToString(sum[:12])
}

// kept returns the folder key in cache, filled once: a fill that fails or is
// cut short leaves nothing there.
func kept(cache, key string, fill func(dir string) error) (string, error) {
	dir := filepath.Join(cache, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(cache, key+".*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := fill(tmp); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, dir); err != nil {
		// Another process was faster: its folder holds the same.
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}

// run returns what a command prints. Its error holds the command's last words.
func run(ctx context.Context, dir string, argv []string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return "", fmt.Errorf("%s: %w: %s", argv[0], err, strings.Join(lines[max(0, len(lines)-5):], "; "))
	}
	return string(out), err
}
