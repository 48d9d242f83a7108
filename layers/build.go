package layers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Build fills the folder dst with a whole layer for arch (amd64 or arm64): the
// wrapper, the companion, what belongs to them, and the layer folders' own
// files, as [Stage] copies them. A folder may bring a file that the wrapper's part has too; that
// it differs is an error.
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
	own, err := os.MkdirTemp("", "graft-own-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(own)
	if err := WriteBase(own); err != nil {
		return err
	}
	if err := BuildProgram(ctx, "wrapper", opt.Arch, filepath.Join(own, "graft")); err != nil {
		return err
	}
	if file := companionFiles[opt.Companion]; file != "" {
		file = filepath.Join(own, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := BuildProgram(ctx, companion, opt.Arch, file); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(own)
	if err != nil {
		return err
	}
	defer root.Close()

	if err := empty(dst); err != nil {
		return err
	}
	// First, so that what a build that ends halfway leaves is still known as a
	// layer, and can be built anew.
	s := newStaging(dst, opt)
	if err := s.tree(root, ".", ".", "graft"); err != nil {
		return err
	}
	return s.folders(ctx, folders)
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
