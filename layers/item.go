package layers

import (
	"io"
	"io/fs"
	"os"
	"strings"
)

// An item is a file or a link that goes into a layer. It lies where it came
// from until it is packed or copied.
type item struct {
	name   string      // slash-separated, below /opt
	mode   fs.FileMode // as it ships
	size   int64       // in bytes, when it was listed
	target string      // of a link

	root   *os.Root
	source string // its name in root
}

// newItem makes an item of the file or link source in root. What may not go
// into a layer is an error.
func newItem(root *os.Root, source, name string) (*item, error) {
	info, err := shippable(root, source)
	if err != nil {
		return nil, err
	}
	it := &item{name: name, mode: shippedMode(info), size: info.Size(), root: root, source: source}
	if info.Mode()&fs.ModeSymlink != 0 {
		it.mode = fs.ModeSymlink | 0o777
		it.target, err = root.Readlink(source)
	}
	return it, err
}

func (it *item) link() bool { return it.mode&fs.ModeSymlink != 0 }

// open returns what is in the item; of a link, its target.
func (it *item) open() (io.ReadCloser, error) {
	if it.link() {
		return io.NopCloser(strings.NewReader(it.target)), nil
	}
	return it.root.Open(it.source)
}
