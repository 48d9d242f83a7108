package template

import (
	"fmt"
	"io"
	"os"

	"github.com/graft-lambda/graft/inject/fragment"
)

// ReadFile reads a template's file. Of one that is too large it returns one byte
// more than [MaxSize], which [Parse] refuses.
func ReadFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, fragment.Cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, fragment.Cause(err))
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}
