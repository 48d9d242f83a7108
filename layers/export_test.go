package layers

import (
	"context"
	"errors"
)

// OpenFolder collects the layer of a folder, with every file that is in it and
// nothing besides.
func OpenFolder(ctx context.Context, dir string) (*Layer, error) {
	l := newLayer()
	err := l.all(ctx, dir, "")
	if err == nil {
		err = l.links()
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// SameBytes is sameBytes, which no file that a test can make lets fail.
var SameBytes = sameBytes
