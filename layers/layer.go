package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/show"
)

// A Layer is a list of all that goes into a layer. The files stay where they came
// from, and are read when the layer is written.
type Layer struct {
	items   []*item          // in the order in which they came
	entries map[string]entry // by slash-separated path below /opt
	roots   []*os.Root
	without map[*os.Root]map[string]bool // folders of layer folders that do not ship
	own     string                       // a temporary folder with graft's own part, or ""
}

type entry struct {
	from string // the layer folder that brought it first
	item *item  // nil for a folder
}

func newLayer() *Layer {
	return &Layer{entries: map[string]entry{}, without: map[*os.Root]map[string]bool{}}
}

// Open collects a whole layer for opt.Arch: graft's own programs, what
// belongs to them, and the layer folders' own files, as [Stage] has them. A
// folder may bring a file that graft's part has too; that it differs is an error.
func Open(ctx context.Context, opt Options, folders ...string) (*Layer, error) {
	opt, err := opt.complete(ctx)
	if err != nil {
		return nil, err
	}
	return collect(ctx, opt, folders)
}

// collect is [Open] with complete options.
func collect(ctx context.Context, opt Options, folders []string) (*Layer, error) {
	l := newLayer()
	// graft's own files come first: what a copy that ends halfway leaves is then
	// still known as a layer, and can be built anew.
	err := l.addOwn(ctx, opt)
	if err == nil {
		err = l.folders(ctx, opt, folders)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// addOwn makes graft's own part in a temporary folder, and adds it.
func (l *Layer) addOwn(ctx context.Context, opt Options) (err error) {
	if l.own, err = os.MkdirTemp("", "graft-own-"); err != nil {
		return err
	}
	if err := WriteBase(l.own); err != nil {
		return err
	}
	for file, pkg := range opt.programs() {
		file = filepath.Join(l.own, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := BuildProgram(ctx, pkg, opt.Arch, file); err != nil {
			return err
		}
	}
	return l.all(ctx, l.own, "graft")
}

// Close closes the folders that the layer's files are in, and removes what was
// made for it. The layer cannot be written any more.
func (l *Layer) Close() error {
	var errs []error
	for _, root := range l.roots {
		errs = append(errs, root.Close())
	}
	if l.own != "" {
		errs = append(errs, os.RemoveAll(l.own))
	}
	return errors.Join(errs...)
}

// Copy writes the layer into the folder dst, which must hold none of its files
// yet.
func (l *Layer) Copy(ctx context.Context, dst string) error {
	for _, it := range l.items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := it.copy(filepath.Join(dst, filepath.FromSlash(it.name))); err != nil {
			return err
		}
	}
	return nil
}

// sorted returns the items in the order of their names' bytes.
func (l *Layer) sorted() []*item {
	return slices.SortedFunc(slices.Values(l.items), func(a, b *item) int { return strings.Compare(a.name, b.name) })
}

// open opens the folder dir until the layer is closed.
func (l *Layer) open(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err == nil {
		l.roots = append(l.roots, root)
	}
	return root, err
}

// all adds everything in the folder dir.
func (l *Layer) all(ctx context.Context, dir, from string) error {
	root, err := l.open(dir)
	if err != nil {
		return err
	}
	return l.tree(ctx, root, ".", ".", from)
}

// add adds the file or link source in root as name. from, the layer folder that
// it comes from, is for errors.
func (l *Layer) add(root *os.Root, source, name, from string) error {
	it, err := newItem(root, source, name)
	if err != nil {
		return fmt.Errorf("%s: %w", show.Line(filepath.Join(from, name)), err) // perhaps it is about the name
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if e, ok := l.entries[dir]; ok && e.item != nil {
			return fmt.Errorf("%s: a file from %s, a folder from %s", dir, e.from, from)
		} else if !ok {
			l.entries[dir] = entry{from: from}
		}
	}
	if e, ok := l.entries[name]; ok {
		if e.item == nil {
			return fmt.Errorf("%s: a folder from %s, a file from %s", name, e.from, from)
		}
		same, err := sameItem(e.item, it)
		if err == nil && !same {
			err = fmt.Errorf("%s: %s and %s bring different files", name, e.from, from)
		}
		return err
	}
	l.entries[name] = entry{from: from, item: it}
	l.items = append(l.items, it)
	return nil
}
