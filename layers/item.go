package layers

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// An item is a file or a link that goes into a layer. It stays where it came from
// until it is packed or copied.
type item struct {
	name   string      // slash-separated, below /opt
	mode   fs.FileMode // as it ships
	size   int64       // in bytes, when it was listed
	target string      // of a link

	root   *os.Root
	source string // its name in root
}

// newItem makes an item of the file or link source in root. It is an error if
// [VetEntry] refuses that.
func newItem(root *os.Root, source, name string) (*item, error) {
	info, err := root.Lstat(source)
	if err != nil {
		return nil, err
	}
	it := &item{name: name, mode: shippedMode(info), size: info.Size(), root: root, source: source}
	if info.Mode()&fs.ModeSymlink != 0 {
		it.mode = fs.ModeSymlink | 0o777
		if it.target, err = root.Readlink(source); err != nil {
			return nil, err
		}
	}
	return it, VetEntry(name, info.Mode(), it.target)
}

// shippedMode is a file's mode in a layer. It lets everyone read and execute:
// Lambda's user is not the one who built the layer.
func shippedMode(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o111 != 0 {
		return 0o755
	}
	return 0o644
}

func (it *item) link() bool { return it.mode&fs.ModeSymlink != 0 }

// open returns the content of the item; a link's is its target.
func (it *item) open() (io.ReadCloser, error) {
	if it.link() {
		return io.NopCloser(strings.NewReader(it.target)), nil
	}
	return it.root.Open(it.source)
}

// copy writes the item to the file to, which must not exist, and makes the folder
// that it lies in.
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
