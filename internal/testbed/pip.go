package testbed

import (
	"context"
	"io/fs"
	"path/filepath"
)

// pipInstall installs exactly what requirements.txt in fsys pins into dir,
// from wheels only: nothing is built and nothing comes along.
func pipInstall(ctx context.Context, python string, fsys fs.FS, dir string) error {
	if err := tools(python); err != nil {
		return err
	}
	if err := lay(fsys, dir); err != nil {
		return err
	}
	_, err := run(ctx, command{
		dir: dir,
		argv: []string{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--root-user-action=ignore", "--no-warn-script-location", "--no-input",
			"--no-deps", "--ignore-requires-python", "--only-binary=:all:",
			"--target", dir, "--requirement", filepath.Join(dir, "requirements.txt")},
	})
	return err
}

// Pip returns a folder with the packages that requirements.txt in manifests
// pins (all of them: dependencies do not come along), kept in the cache under
// name and installed by the program python.
func (b *Bed) Pip(ctx context.Context, name, python string, manifests fs.FS) (string, error) {
	return b.get(ctx, item{
		name: name, version: "pip", pins: manifests, recipe: python,
		fill: func(ctx context.Context, dir string) error { return pipInstall(ctx, python, manifests, dir) },
	})
}
