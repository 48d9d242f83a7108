package layers

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// sameItem tells whether two items ship exactly alike: same kind, mode and
// content.
func sameItem(a, b *item) (bool, error) {
	if a.mode != b.mode || a.target != b.target || a.size != b.size {
		return false, nil
	}
	left, err := a.open()
	if err != nil {
		return false, err
	}
	defer left.Close()
	right, err := b.open()
	if err != nil {
		return false, err
	}
	defer right.Close()
	return sameBytes(left, right)
}

func sameBytes(a, b io.Reader) (bool, error) {
	const size = 64 << 10
	left, right := bufio.NewReaderSize(a, size), bufio.NewReaderSize(b, size)
	for {
		x, errX := left.Peek(size)
		y, errY := right.Peek(size)
		if !bytes.Equal(x, y) {
			return false, nil
		}
		if errX == io.EOF || errY == io.EOF {
			return errX == errY, nil
		}
		if err := errors.Join(errX, errY); err != nil {
			return false, err
		}
		_, errX = left.Discard(len(x))
		_, errY = right.Discard(len(y))
		if err := errors.Join(errX, errY); err != nil {
			return false, err
		}
	}
}
