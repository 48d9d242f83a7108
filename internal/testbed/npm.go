package testbed

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/graft-lambda/graft/internal/keep"
)

// npmCI installs what package.json and package-lock.json in fsys pin into
// dir/node_modules. No package's own script is run.
func npmCI(ctx context.Context, fsys fs.FS, dir string) error {
	if err := lay(fsys, dir); err != nil {
		return err
	}
	return npmInstall(ctx, dir)
}

func npmInstall(ctx context.Context, dir string) error {
	if err := keep.Tools("npm", "node"); err != nil {
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

// Packages returns a folder whose node_modules has what package.json and
// package-lock.json in the folder project pin; pkg is the package whose version
// names it.
func (b *Bed) Packages(ctx context.Context, project, pkg string) (string, error) {
	version, err := npmVersion(os.DirFS(project), pkg)
	if err != nil {
		return "", err
	}
	manifests := map[string][]byte{"package.json": nil, "package-lock.json": nil}
	recipe := ""
	for _, name := range slices.Sorted(maps.Keys(manifests)) {
		if manifests[name], err = os.ReadFile(filepath.Join(project, name)); err != nil {
			return "", err
		}
		recipe += string(manifests[name])
	}
	return b.get(ctx, item{
		name: pkg, version: version, recipe: recipe,
		fill: func(ctx context.Context, dir string) error {
			for name, data := range manifests {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
					return err
				}
			}
			return npmInstall(ctx, dir)
		},
	})
}
