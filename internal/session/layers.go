package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/layers"
)

// Vet returns an error if the function's code is no folder, or a layer neither a
// folder nor a file. What is in them is read later.
func Vet(code string, stack []string) error {
	info, err := os.Stat(code)
	switch {
	case err != nil:
		return fmt.Errorf("--code: %q: %w", code, fragment.Cause(err))
	case !info.IsDir():
		return fmt.Errorf("--code: %q: not a folder", code)
	}
	for _, path := range stack {
		if _, err := isFolder(path); err != nil {
			return err
		}
	}
	return nil
}

// isFolder reports whether a layer is a folder, and not a zip.
func isFolder(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return false, fmt.Errorf("--layer: %q: %w", path, fragment.Cause(err))
	case !info.IsDir() && !info.Mode().IsRegular():
		return false, fmt.Errorf("--layer: %q: %w", path, layers.ErrNoZip)
	}
	return info.IsDir(), nil
}

// unpack returns the folders of the layers, those that are zips unpacked.
// Remove takes away what was unpacked.
func unpack(ctx context.Context, paths []string) (folders []string, remove func() error, err error) {
	temp := ""
	remove = func() error { return os.RemoveAll(temp) } // of nothing, if empty
	defer func() {
		if err != nil {
			err = errors.Join(err, remove())
		}
	}()
	left := int64(layers.MaxUnzipped)
	for i, path := range paths {
		folder, err := isFolder(path)
		if err != nil {
			return nil, remove, err
		}
		if folder {
			folders = append(folders, path)
			continue
		}
		if temp == "" {
			// MkdirTemp's folders are nobody else's: files in a zip may be secret.
			if temp, err = os.MkdirTemp("", "graft-run-"); err != nil {
				return nil, remove, err
			}
		}
		// The folder itself becomes /opt, which everybody may read.
		opt := filepath.Join(temp, strconv.Itoa(i))
		if err := os.Mkdir(opt, 0o755); err != nil {
			return nil, remove, err
		}
		used, err := layers.Unzip(ctx, path, opt, left)
		if err != nil {
			return nil, remove, fmt.Errorf("--layer: %w", err)
		}
		left -= used
		folders = append(folders, opt)
	}
	return folders, remove, nil
}
