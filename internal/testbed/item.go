package testbed

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
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
	done := filepath.Join(b.Cache, folder)
	if isDir(done) {
		return done, nil
	}
	if !b.Fetch {
		return "", unavailable("%s %s is not in the cache; go run ./internal/testbed/fetch fetches it", it.name, it.version)
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, filepath.Join(b.Cache, "."+folder+".lock"))
	if err != nil {
		return "", fmt.Errorf("%s: %w", it.name, err)
	}
	defer unlock()
	if isDir(done) { // another process was faster
		return done, nil
	}

	start := time.Now()
	b.logf("%s %s: fetching", it.name, it.version)
	temp := filepath.Join(b.Cache, "."+folder+".tmp")
	if err := os.RemoveAll(temp); err != nil { // what an interrupted fetch left
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := os.Mkdir(temp, 0o755); err != nil {
		return "", err
	}
	if err := it.fill(ctx, temp); err != nil {
		return "", fmt.Errorf("%s %s: %w", it.name, it.version, err)
	}
	if err := os.Rename(temp, done); err != nil {
		return "", err
	}
	b.logf("%s %s: done in %.1f s", it.name, it.version, time.Since(start).Seconds())
	return done, nil
}

// lock waits for the exclusive lock on the file path, which it creates.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
