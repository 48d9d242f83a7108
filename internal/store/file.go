package store

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// file reads a file, less one line end at its end.
func (f *fetch) file(t thing) {
	name := t.id
	if !path.IsAbs(name) {
		if f.dir == "" {
			f.settle(t, found{problem: "is relative to a working directory that is not there"})
			return
		}
		name = path.Join(f.dir, name)
	}
	data, err := fragment.ReadFile(os.DirFS("/"), name)
	switch {
	case err != nil:
		f.settle(t, found{problem: err.Error()})
	case len(data) > fragment.MaxSize:
		f.settle(t, found{problem: fmt.Sprintf("is larger than %d MiB", fragment.MaxSize>>20)})
	default:
		text, ended := strings.CutSuffix(string(data), "\n")
		if ended {
			text = strings.TrimSuffix(text, "\r")
		}
		f.settle(t, found{text: text})
	}
}
