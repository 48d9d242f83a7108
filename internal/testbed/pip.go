package testbed

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/graft-lambda/graft/internal/keep"
)

// pipInstall installs exactly what requirements.txt in fsys pins into dir,
// from wheels with the digests given there: nothing is built and nothing comes
// along.
func pipInstall(ctx context.Context, python string, fsys fs.FS, dir string) error {
	if err := keep.Tools(python); err != nil {
		return err
	}
	if err := lay(fsys, dir); err != nil {
		return err
	}
	_, err := keep.Run(ctx, keep.Command{Dir: dir, Argv: keep.Pip(python, filepath.Join(dir, "requirements.txt"), dir,
		"--no-deps", "--ignore-requires-python")})
	return err
}
