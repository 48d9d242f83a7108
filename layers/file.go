package layers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// shippable returns what the file name in root is, or why it may not be in a
// layer: Lambda unpacks files and links, as one user, and a link that leaves
// the layer means something else there.
func shippable(root *os.Root, name string) (fs.FileInfo, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if _, err := root.Stat(name); err != nil {
			return nil, errors.New("a link to nothing inside the folder")
		}
	}
	return info, vetKind(info.Mode())
}

// add copies one file or link to the place at.
func (s *staging) add(root *os.Root, name, at, from string) error {
	if _, err := shippable(root, name); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(from, at), err)
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
