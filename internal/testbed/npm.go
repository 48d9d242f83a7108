package testbed

import (
	"context"
	"io/fs"
	"path/filepath"
)

// npmCI installs what package.json and package-lock.json in fsys pin into
// dir/node_modules. No package's own script is run.
func npmCI(ctx context.Context, fsys fs.FS, dir string) error {
	if err := tools("npm", "node"); err != nil {
		return err
	}
	if err := lay(fsys, dir); err != nil {
		return err
	}
	_, err := run(ctx, command{
		dir:  dir,
		argv: []string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--no-update-notifier"},
	})
	return err
}

// Npm returns a folder with the node_modules that package.json and
// package-lock.json in manifests pin, kept in the cache under name. No
// package's install script is run.
func (b *Bed) Npm(ctx context.Context, name string, manifests fs.FS) (string, error) {
	return b.get(ctx, item{
		name: name, version: "npm", pins: manifests,
		fill: func(ctx context.Context, dir string) error { return npmCI(ctx, manifests, dir) },
	})
}

// nodeHeaders is what node-gyp needs to build against the Node.js in dir
// instead of fetching headers.
func nodeHeaders(dir string) []string { return []string{"npm_config_nodedir=" + dir} }

// modules returns the folder of an npm package below dir.
func modules(dir, pkg string) string { return filepath.Join(dir, "node_modules", pkg) }
