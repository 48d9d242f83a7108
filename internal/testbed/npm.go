package testbed

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/graft-lambda/graft/internal/keep"
)

// npmCI installs what package.json and package-lock.json in fsys pin into
// dir/node_modules. No package's own script is run.
func npmCI(ctx context.Context, fsys fs.FS, dir string) error {
	if err := keep.Tools("npm", "node"); err != nil {
		return err
	}
	if err := lay(fsys, dir); err != nil {
		return err
	}
	_, err := keep.Run(ctx, keep.Command{Dir: dir, Argv: keep.NPM()})
	return err
}

// nodeHeaders is what node-gyp needs to build against the Node.js in dir
// instead of fetching headers.
func nodeHeaders(dir string) []string { return []string{"npm_config_nodedir=" + dir} }

// modules returns the folder of an npm package below dir.
func modules(dir, pkg string) string { return filepath.Join(dir, "node_modules", pkg) }
