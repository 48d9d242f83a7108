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

// checkCode tells what is wrong with the folder of the function's code.
func checkCode(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("--code: %q: %w", path, fragment.Cause(err))
	case !info.IsDir():
		return fmt.Errorf("--code: %q: not a folder", path)
	}
	return nil
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
		info, err := os.Stat(path)
		if err != nil {
			return nil, remove, fmt.Errorf("--layer: %q: %w", path, fragment.Cause(err))
		}
		if info.IsDir() {
			folders = append(folders, path)
			continue
		}
		if !info.Mode().IsRegular() {
			return nil, remove, fmt.Errorf("--layer: %q: %w", path, layers.ErrNoZip)
		}
		if temp == "" {
			// MkdirTemp's folders are nobody else's: files in a zip may be secret.
			if temp, err = os.MkdirTemp("", "graft-run-"); err != nil {
				return nil, remove, err
			}
		}
		// The folder itself becomes /opt, which everybody may read.
		folder := filepath.Join(temp, strconv.Itoa(i))
		if err := os.Mkdir(folder, 0o755); err != nil {
			return nil, remove, err
		}
		used, err := layers.Unzip(ctx, path, folder, left)
		if err != nil {
			return nil, remove, fmt.Errorf("--layer: %w", err)
		}
		left -= used
		folders = append(folders, folder)
	}
	return folders, remove, nil
}
