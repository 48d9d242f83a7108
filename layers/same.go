package layers

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// sameFile tells whether the file name in root would ship exactly as the
// staged file at the path staged: same kind, mode and content.
func sameFile(root *os.Root, name, staged string) (bool, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(staged)
	if err != nil {
		return false, err
	}
	switch {
	case info.Mode().Type() != there.Mode().Type():
		return false, nil
	case info.Mode()&fs.ModeSymlink != 0:
		a, errA := root.Readlink(name)
		b, errB := os.Readlink(staged)
		return a == b, errors.Join(errA, errB)
	case info.Size() != there.Size(), shippedMode(info) != there.Mode().Perm():
		return false, nil
	}
	a, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(staged)
	if err != nil {
		return false, err
	}
	defer b.Close()
	return sameBytes(a, b)
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
