package keep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Limit is how long one folder may take to fill: a fetch that hangs would
// otherwise hold whoever waits for it, and every other process too.
const Limit = 15 * time.Minute

// A Folder is filled once and then only read.
type Folder struct {
	Path string // absolute
	// Fill puts the content into the empty folder dir. Its context ends after
	// [Limit].
	Fill func(ctx context.Context, dir string) error
}

// Filled tells whether f is there.
func (f Folder) Filled() bool {
	info, err := os.Stat(f.Path)
	return err == nil && info.IsDir()
}

// Get returns f's path, after filling it if it is missing. However many
// processes ask, one fills it. A fill that fails or is cut short leaves
// nothing in its place.
func (f Folder) Get(ctx context.Context) (string, error) {
	return f.get(ctx, Limit)
}

func (f Folder) get(ctx context.Context, limit time.Duration) (string, error) {
	if f.Filled() {
		return f.Path, nil
	}
	parent, name := filepath.Split(f.Path)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, filepath.Join(parent, "."+name+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if f.Filled() { // another process was faster
		return f.Path, nil
	}
	temp := filepath.Join(parent, "."+name+".tmp")
	if err := os.RemoveAll(temp); err != nil { // what a killed fill left
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := os.Mkdir(temp, 0o755); err != nil {
		return "", err
	}
	tooLong := fmt.Errorf("not done after %v", limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, tooLong)
	defer cancel()
	if err := f.Fill(ctx, temp); err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, tooLong) && !errors.Is(err, tooLong) {
			err = errors.Join(tooLong, err)
		}
		return "", err
	}
	if err := os.Rename(temp, f.Path); err != nil {
		return "", err
	}
	return f.Path, nil
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
