package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Options says what a layer is staged for.
type Options struct {
	Arch   string    // amd64 or arm64
	Python string    // the version that requirements.txt is installed for, such as "3.12"; 3.13 if empty
	Cache  string    // the folder that keeps installed dependencies; see [CacheDir] for what an empty one means
	Log    io.Writer // gets a line for every installation; may be nil
}

// Stage copies layer folders into the folder dst, where they lie as they will
// below /opt.
//
// A folder looks like /opt itself. Regular files and symbolic links that stay
// inside are copied, as 0755 if anyone may execute them and 0644 otherwise;
// anything else, and a set-user-id or set-group-id file, is an error. Empty
// folders do not ship.
//
// A dependency manifest (package.json with package-lock.json, requirements.txt
// with hashes, pom.xml) does not ship either: what it pins is installed where
// it stands, by npm, pip or Maven. A package.json without a lock file is a
// file like any other, and nothing below a node_modules folder is a manifest.
//
// Two folders may bring the same file; that it differs is an error.
func Stage(ctx context.Context, dst string, opt Options, folders ...string) error {
	opt, err := opt.complete(ctx)
	if err != nil {
		return err
	}
	s := staging{dst: dst, opt: opt, entries: map[string]entry{}}
	for _, folder := range folders {
		if err := s.folder(ctx, folder); err != nil {
			return err
		}
	}
	return nil
}

// staging is what has been staged so far.
type staging struct {
	dst     string
	opt     Options
	entries map[string]entry // by slash-separated path below dst
}

type entry struct {
	from string // the layer folder that brought it first
	dir  bool
}

func (s *staging) folder(ctx context.Context, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("layer folder: %w", err)
	}
	defer root.Close()

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
		if path.Base(name) == "node_modules" {
			if name != "." && exists(root, path.Join(path.Dir(name), "package-lock.json")) {
				return fs.SkipDir // as `npm ci`, which begins by deleting it
			}
			if err := s.tree(root, name, name, folder); err != nil {
				return err
			}
			return fs.SkipDir
		}
		return s.level(ctx, root, name, folder)
	})
}

// level stages the files directly in the folder dir, and what manifests among
// them ask for.
func (s *staging) level(ctx context.Context, root *os.Root, dir, from string) error {
	found, err := manifestsIn(root.FS(), dir)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(from, dir), err)
	}
	shipped := map[string]bool{}
	for _, m := range found {
		for _, file := range m.files {
			shipped[file] = true
		}
		if err := s.install(ctx, m, root, dir, from); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(from, dir, m.files[0]), err)
		}
	}
	files, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if file.IsDir() || shipped[file.Name()] {
			continue
		}
		if err := s.add(root, path.Join(dir, file.Name()), path.Join(dir, file.Name()), from); err != nil {
			return err
		}
	}
	return nil
}

func (s *staging) install(ctx context.Context, m manifest, root *os.Root, dir, from string) error {
	sub, err := fs.Sub(root.FS(), dir)
	if err != nil {
		return err
	}
	installed, err := m.install(ctx, s.opt, sub)
	if err != nil {
		return err
	}
	packages, err := os.OpenRoot(installed)
	if err != nil {
		return err
	}
	defer packages.Close()
	return s.tree(packages, ".", dir, from)
}

// tree adds everything below dir in root, manifests or not.
func (s *staging) tree(root *os.Root, dir, at, from string) error {
	return fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		return s.add(root, name, path.Join(at, filepath.ToSlash(rel)), from)
	})
}

// add copies one file or link to the place at.
func (s *staging) add(root *os.Root, name, at, from string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	mode := info.Mode()
	problem := ""
	switch {
	case mode&fs.ModeSymlink != 0:
		if _, err := root.Stat(name); err != nil {
			problem = "a link to nothing inside the folder"
		}
	case !mode.IsRegular():
		problem = "neither a file nor a link"
	case mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		problem = "a set-user-id or set-group-id file"
	}
	if problem != "" {
		return fmt.Errorf("%s: %s", filepath.Join(from, at), problem)
	}

	for dir := path.Dir(at); dir != "."; dir = path.Dir(dir) {
		if e, ok := s.entries[dir]; ok && !e.dir {
			return fmt.Errorf("%s: a file from %s, a folder from %s", dir, e.from, from)
		} else if !ok {
			s.entries[dir] = entry{from: from, dir: true}
		}
	}
	to := filepath.Join(s.dst, filepath.FromSlash(at))
	if e, ok := s.entries[at]; ok {
		if e.dir {
			return fmt.Errorf("%s: a folder from %s, a file from %s", at, e.from, from)
		}
		same, err := sameFile(root, name, to)
		if err == nil && !same {
			err = fmt.Errorf("%s: %s and %s bring different files", at, e.from, from)
		}
		return err
	}
	s.entries[at] = entry{from: from}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return copyFile(root, name, to)
}

func copyFile(root *os.Root, name, to string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := root.Readlink(name)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	in, err := root.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(shippedMode(info)), out.Close())
}

// shippedMode is a file's mode in a layer: Lambda runs its programs as another
// user than the one who built it.
func shippedMode(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o111 != 0 {
		return 0o755
	}
	return 0o644
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return err == nil
}
