package layers

import (
	"errors"
	"io"
	"io/fs"
	"os"
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
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if _, err := root.Stat(name); err != nil {
			return nil, errors.New("a link to nothing inside the folder")
		}
	case !mode.IsRegular():
		return nil, errors.New("neither a file nor a link")
	case mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return nil, errors.New("a set-user-id or set-group-id file")
	}
	return info, nil
}

// copy writes the item to the file to, making its folder.
func (it *item) copy(to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if it.link() {
		return os.Symlink(it.target, to)
	}
	in, err := it.open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(it.mode), out.Close())
}

// shippedMode is a file's mode in a layer: Lambda runs its programs as another
// user than the one who built it.
func shippedMode(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o111 != 0 {
		return 0o755
	}
	return 0o644
}
