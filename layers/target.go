package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/graft-lambda/graft/inject/fragment"
)

// target returns the real path of dst. It is an error if dst may not be emptied to
// build a layer of these layer folders there.
func target(dst string, folders []string) (string, error) {
	dst, err := realPath(dst)
	if err != nil {
		return "", err
	}
	for _, folder := range folders {
		src, err := realFolder(folder)
		if err != nil {
			return "", err
		}
		if within(src, dst) || within(dst, src) {
			return "", fmt.Errorf("%s: the layer cannot be built there: it would delete, or ship, itself with the layer folder %s", dst, src)
		}
	}
	wd, err := realPath(".")
	if err != nil {
		return "", err
	}
	if within(wd, dst) {
		return "", fmt.Errorf("%s: the layer cannot be built there: the working directory would be deleted", dst)
	}
	entries, err := os.ReadDir(dst)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dst, nil
	case err != nil:
		return "", fmt.Errorf("%s: %w", dst, fragment.Cause(err))
	case len(entries) > 0 && !built(dst):
		return "", fmt.Errorf("%s: neither empty nor a layer that was built before: give a folder that may be emptied", dst)
	}
	return dst, nil
}

// realFolder returns the real path of a layer folder.
func realFolder(folder string) (string, error) {
	src, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", fmt.Errorf("layer folder: %s: %w", folder, fragment.Cause(err))
	}
	return filepath.Abs(src)
}

// built tells whether dir looks like what Build has made.
func built(dir string) bool {
	program, err := os.Lstat(filepath.Join(dir, wrapperFile))
	if err != nil || !program.Mode().IsRegular() {
		return false
	}
	run, err := os.Lstat(filepath.Join(dir, "graft-run"))
	return err == nil && run.IsDir()
}

// realPath returns the absolute path of a file that may not exist yet. Links are
// followed in that part of the path which exists.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	there, missing := path, ""
	for {
		real, err := filepath.EvalSymlinks(there)
		if err == nil {
			return filepath.Join(real, missing), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || there == filepath.Dir(there) {
			return "", err
		}
		there, missing = filepath.Dir(there), filepath.Join(filepath.Base(there), missing)
	}
}

// within tells whether path is dir or lies in it; both are real.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
