package layers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Build fills the folder dst with the layer that [Open] collects.
//
// A layer that dst held before is gone. Nothing else is ever deleted: dst must
// be missing, empty, or a layer that Build has made, and apart from the layer
// folders and the working directory.
func Build(ctx context.Context, dst string, opt Options, folders ...string) error {
	opt, err := opt.complete(ctx)
	if err != nil {
		return err
	}
	dst, err = target(dst, folders)
	if err != nil {
		return err
	}
	l, err := collect(ctx, opt, folders)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := empty(dst); err != nil {
		return err
	}
	return l.Copy(ctx, dst)
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
			return fmt.Errorf("%s: %w", dst, err)
		}
	}
	return nil
}
