package layers

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/graft-lambda/graft/internal/keep"
)

// Options says what a layer is staged for.
type Options struct {
	Arch    string    // amd64 or arm64
	Python  string    // the version that requirements.txt is installed for, such as "3.12"; 3.13 if empty
	Scripts bool      // npm runs the install scripts of packages; they run on this machine, whatever Arch is
	Cache   string    // the folder that keeps installed dependencies; see [CacheDir] for what an empty one means
	Offline bool      // nothing is installed: what Cache does not hold is an error
	Log     io.Writer // gets a line for every installation; may be nil
}

const defaultPython = "3.13"

// complete fills in what was left out.
func (o Options) complete(ctx context.Context) (Options, error) {
	if o.Arch != "amd64" && o.Arch != "arm64" {
		return o, fmt.Errorf("architecture %q: Lambda has amd64 (x86_64) and arm64", o.Arch)
	}
	if o.Python == "" {
		o.Python = defaultPython
	}
	var err error
	if o.Cache == "" {
		o.Cache, err = CacheDir(ctx)
	} else {
		o.Cache, err = filepath.Abs(o.Cache)
	}
	return o, err
}

// CacheDir is where installed dependencies are kept: layers in the folder that
// GRAFT_CACHE names, else .cache/layers in a source tree of this module, else
// in the user's own cache.
func CacheDir(ctx context.Context) (string, error) {
	if dir, err := keep.Chosen(); dir != "" || err != nil {
		return filepath.Join(dir, "layers"), err
	}
	if root, err := SourceTree(ctx); err == nil {
		return filepath.Join(root, ".cache", "layers"), nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "graft", "layers"), err
}
