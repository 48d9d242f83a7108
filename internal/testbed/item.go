package testbed

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/graft-lambda/graft/internal/keep"
)

// An item is one folder of the cache.
type item struct {
	name    string // without version, "node"
	version string
	pins    fs.FS  // its manifests; a change fetches anew. May be nil
	recipe  string // what else decides its content: a change builds anew
	fill    func(ctx context.Context, dir string) error
}

// folder returns the name of the item's folder.
func (it item) folder() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, it.recipe)
	if it.pins != nil {
		err := fs.WalkDir(it.pins, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(it.pins, path)
			fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s-%s-%x", it.name, it.version, sum.Sum(nil)[:4]), nil
}

// get returns the path of the item's folder, filling it first if it is missing
// and b.Fetch allows.
func (b *Bed) get(ctx context.Context, it item) (string, error) {
	folder, err := it.folder()
	if err != nil {
		return "", fmt.Errorf("%s: %w", it.name, err)
	}
	f := keep.Folder{Path: filepath.Join(b.Cache, folder), Fill: func(ctx context.Context, dir string) error {
		start := time.Now()
		b.logf("%s %s: fetching; it stays in %s", it.name, it.version, b.Cache)
		if err := it.fill(ctx, dir); err != nil {
			return err
		}
		b.logf("%s %s: done in %.1f s", it.name, it.version, time.Since(start).Seconds())
		return nil
	}}
	if !b.Fetch && !f.Filled() {
		return "", unavailable("%s %s is not in the cache; go run ./internal/testbed/fetch fetches it", it.name, it.version)
	}
	done, err := f.Get(ctx)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", it.name, it.version, err)
	}
	return done, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
