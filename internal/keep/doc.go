// Package keep runs the package managers' programs within bounds, and keeps
// what they install in folders that are filled once.
//
// What is kept is there whole or not at all: a [Folder] is filled beside its
// place, under a lock that other processes see, and renamed when complete.
package keep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrUnavailable is what an error wraps when a program or a folder is not on
// this machine and could be brought to it. The error's text says what and how.
var ErrUnavailable = errors.New("unavailable")

// Unavailable returns an error that wraps [ErrUnavailable].
func Unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnavailable, fmt.Sprintf(format, args...))
}

// Chosen returns the absolute path of the cache folder that GRAFT_CACHE names;
// empty if it names none.
func Chosen() (string, error) {
	dir := os.Getenv("GRAFT_CACHE")
	if dir == "" {
		return "", nil
	}
	return filepath.Abs(dir)
}
