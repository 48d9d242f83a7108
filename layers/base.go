package layers

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// runner is the Python part of the layer.
//
//go:embed base/graft-python/sitecustomize.py
var runner embed.FS

// runPrograms are the names of the runtimes' programs: each gets a file in
// graft-run through which several foreign wrappers run one after another.
var runPrograms = []string{
	"java", "node", "dotnet", "ruby",
	"python", "python3", "python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14",
}

// RunPrograms returns the names of the files in graft-run.
func RunPrograms() []string { return slices.Clone(runPrograms) }

// runFile is the whole of such a file: the kernel calls graft with its path
// and the arguments.
const runFile = "#!/opt/graft\n"

// WriteBase writes what every layer with the wrapper in it has besides the
// programs: the runner for Python and the folder graft-run.
func WriteBase(dst string) error {
	base, err := fs.Sub(runner, "base")
	if err != nil {
		return err
	}
	if err := copyData(base, dst); err != nil {
		return err
	}
	for _, name := range runPrograms {
		if err := writeFile(filepath.Join(dst, "graft-run", name), []byte(runFile), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// copyData writes the files of src below dst, for everyone to read.
func copyData(src fs.FS, dst string) error {
	return fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(src, name)
		if err != nil {
			return err
		}
		return writeFile(filepath.Join(dst, filepath.FromSlash(name)), data, 0o644)
	})
}

// writeFile writes a file with exactly this mode, whatever the umask: Lambda
// runs the layer's programs as another user.
func writeFile(name string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, data, mode); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}
