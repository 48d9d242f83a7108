package local

import (
	"io"
	"os"
	"time"
)

// A spec is what a process is to be.
type spec struct {
	command                 []string
	env                     []string
	dir                     string
	managed                 bool
	files                   []*os.File
	closeStdin, closeStderr bool
	stdout, stderr          io.Writer
	each                    func(line []byte, at time.Time) // gets the lines of both; nil: nobody does
}
