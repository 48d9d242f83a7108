package layers

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Stage copies layer folders into the folder dst, where they lie as they will
// below /opt.
//
// A folder looks like /opt itself. Regular files and symbolic links are copied,
// files as 0755 if anyone may execute them and 0644 otherwise; what [VetEntry]
// refuses is an error. A relative link must lead to what the folders bring; one
// into /opt may mean a file of another layer. Empty folders do not ship.
//
// A dependency manifest (package.json with package-lock.json, requirements.txt
// with hashes, pom.xml) does not ship either: what it pins is installed where
// it stands, by npm, pip or Maven. A package.json without a lock file is a
// file like any other, with a line in the log if it names dependencies that
// nothing brings, and nothing below a node_modules folder is a manifest.
//
// What version control and macOS keep beside one's files, .git and .DS_Store,
// does not ship.
//
// Two folders may bring the same file; that it differs is an error.
func Stage(ctx context.Context, dst string, opt Options, folders ...string) error {
	opt, err := opt.complete(ctx)
	if err != nil {
		return err
	}
	l := newLayer()
	defer l.Close()
	if err := l.folders(ctx, opt, folders); err != nil {
		return err
	}
	return l.Copy(ctx, dst)
}

// Unshipped reports whether what has this name lies beside one's files and is
// not for Lambda.
func Unshipped(base string) bool { return base == ".git" || base == ".DS_Store" }

func (l *Layer) folders(ctx context.Context, opt Options, folders []string) error {
	for _, folder := range folders {
		if err := l.folder(ctx, opt, folder); err != nil {
			return err
		}
	}
	return l.links()
}

// folder adds one layer folder.
func (l *Layer) folder(ctx context.Context, opt Options, folder string) error {
	root, err := l.open(folder)
	if err != nil {
		return fmt.Errorf("layer folder: %w", err)
	}
	if l.without[root], err = leftOut(folder, opt.Without); err != nil {
		return err
	}
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if l.without[root][name] || Unshipped(path.Base(name)) {
			return fs.SkipDir
		}
		if path.Base(name) == "node_modules" {
			if name != "." && exists(root, path.Join(path.Dir(name), "package-lock.json")) {
				return fs.SkipDir // as `npm ci`, which begins by deleting it
			}
			if err := l.tree(ctx, root, name, name, folder); err != nil {
				return err
			}
			return fs.SkipDir
		}
		return l.level(ctx, opt, root, name, folder)
	})
}

// level adds the files directly in the folder dir, and what the manifests among
// them pin.
func (l *Layer) level(ctx context.Context, opt Options, root *os.Root, dir, from string) error {
	found, err := manifestsIn(root.FS(), dir)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(from, dir), err)
	}
	shipped := map[string]bool{}
	for _, m := range found {
		for _, file := range m.files {
			shipped[file] = true
		}
		if err := l.install(ctx, opt, m, root, dir, from); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(from, dir, m.files[0]), err)
		}
	}
	if !shipped[packageFile] && Unlocked(root.FS(), dir) {
		opt.logf("%s: its dependencies are not installed: it has no package-lock.json, which npm install --package-lock-only makes", filepath.Join(from, dir, packageFile))
	}
	files, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if file.IsDir() || shipped[file.Name()] || Unshipped(file.Name()) {
			continue
		}
		if err := l.add(root, path.Join(dir, file.Name()), path.Join(dir, file.Name()), from); err != nil {
			return err
		}
	}
	return nil
}

// leftOut returns those of the folders without, which no layer is to have, that
// lie inside the layer folder, by their paths in it.
func leftOut(folder string, without []string) (map[string]bool, error) {
	src, err := realFolder(folder)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, dir := range without {
		if !within(dir, src) || dir == src {
			continue
		}
		name, err := filepath.Rel(src, dir)
		if err != nil {
			return nil, err
		}
		names[filepath.ToSlash(name)] = true
	}
	return names, nil
}

// install adds what the manifest m in dir pins.
func (l *Layer) install(ctx context.Context, opt Options, m manifest, root *os.Root, dir, from string) error {
	sub, err := fs.Sub(root.FS(), dir)
	if err != nil {
		return err
	}
	installed, err := m.install(ctx, opt, sub, filepath.Join(from, dir, m.files[0]))
	if err != nil {
		return err
	}
	packages, err := l.open(installed)
	if err != nil {
		return err
	}
	return l.tree(ctx, packages, ".", dir, from)
}

// tree adds everything below the folder dir in root, manifests too, as if dir were
// the folder at.
func (l *Layer) tree(ctx context.Context, root *os.Root, dir, at, from string) error {
	return fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && l.without[root][name] {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		return l.add(root, name, path.Join(at, filepath.ToSlash(rel)), from)
	})
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return err == nil
}
