package layers

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// ReleasedPrograms are the programs of this module that a layer may hold, by
// their folder in it: a release carries each for both architectures.
var ReleasedPrograms = []string{wrapper, companion, secrets}

// ReleasedDir is the folder of the source tree that is compiled into the graft
// command with the build tag release. `make release` fills it.
const ReleasedDir = "layers/released"

// ReleasedFile is the name of a program in [ReleasedDir], compressed by gzip.
func ReleasedFile(pkg, arch string) string {
	return strings.ReplaceAll(pkg, "/", "-") + "-" + arch + ".gz"
}

// unpack writes a program that this one carries to the file out.
func unpack(pkg, arch, out string) error {
	f, err := released.Open("released/" + ReleasedFile(pkg, arch))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoSource
	} else if err != nil {
		return err
	}
	defer f.Close()
	content, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	return writeFile(out, data, 0o755)
}
