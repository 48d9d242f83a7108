package layers

import (
	"bufio"
	"bytes"
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

// sameBytes tells whether two readers yield the same.
func sameBytes(a, b io.Reader) (bool, error) {
	const size = 64 << 10
	left, right := bufio.NewReaderSize(a, size), bufio.NewReaderSize(b, size)
	for {
		x, errX := left.Peek(size)
		y, errY := right.Peek(size)
		for _, err := range []error{errX, errY} {
			if err != nil && err != io.EOF {
				return false, err // and not that they differ, which is not known
			}
		}
		if !bytes.Equal(x, y) || errX != errY {
			return false, nil
		}
		if errX == io.EOF {
			return true, nil
		}
		// What was peeked at is there to be discarded.
		_, _ = left.Discard(len(x))
		_, _ = right.Discard(len(y))
	}
}
