package layers

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// An item is a file or a link that goes into a layer.
type item struct {
	name   string      // slash-separated, below /opt
	mode   fs.FileMode // as it ships
	size   int64       // in bytes, when it was listed
	target string      // of a link
}

func (it *item) link() bool { return it.mode&fs.ModeSymlink != 0 }

// open returns what is in the item; of a link, its target.
func (it *item) open(folder *os.Root) (io.ReadCloser, error) {
	if it.link() {
		return io.NopCloser(strings.NewReader(it.target)), nil
	}
	return folder.Open(it.name)
}

// list returns what of the folder goes into a layer, in the order of the
// names' bytes. Anything that may not go into one is an error.
func list(ctx context.Context, folder *os.Root) ([]*item, error) {
	var items []*item
	err := fs.WalkDir(folder.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := shippable(folder, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		it := &item{name: name, mode: shippedMode(info), size: info.Size()}
		if info.Mode()&fs.ModeSymlink != 0 {
			it.mode = fs.ModeSymlink | 0o777
			if it.target, err = folder.Readlink(name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		items = append(items, it)
		return nil
	})
	slices.SortFunc(items, func(a, b *item) int { return strings.Compare(a.name, b.name) })
	return items, err
}
