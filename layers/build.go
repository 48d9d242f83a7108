package layers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Build fills the folder dst with a whole layer for arch (amd64 or arm64): the
// wrapper, what belongs to it, and the layer folders' own files. What dst held
// before is gone.
func Build(ctx context.Context, dst string, opt Options, folders ...string) error {
	if opt.Arch != "amd64" && opt.Arch != "arm64" {
		return fmt.Errorf("architecture %q: Lambda has amd64 (x86_64) and arm64", opt.Arch)
	}
	if err := empty(dst); err != nil {
		return err
	}
	if err := Stage(ctx, dst, opt, folders...); err != nil {
		return err
	}
	if err := WriteBase(dst); err != nil {
		return err
	}
	return BuildProgram(ctx, "wrapper", opt.Arch, filepath.Join(dst, "graft"))
}

// empty makes an empty folder of dst without replacing the folder itself,
// which SAM has made.
func empty(dst string) error {
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dst)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dst, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Zip writes the folder dir as a layer's zip to the file out, whole or not at
// all.
func Zip(dir, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = WriteZip(tmp, os.DirFS(dir))
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), out)
}
