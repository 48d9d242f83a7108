package layers

import (
	_ "embed" // the runner
	"io/fs"
	"os"
	"path/filepath"
)

// runner is the Python part of the layer.
//
//go:embed base/graft-python/sitecustomize.py
var runner []byte

// runPrograms are the names of the runtimes' programs: each gets a file in
// graft-run through which several foreign wrappers run one after another.
var runPrograms = []string{
	"java", "node", "dotnet", "ruby",
	"python", "python3", "python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14",
}

// runFile is the whole content of such a file: the kernel calls graft with the
// file's path and the arguments.
const runFile = "#!/opt/graft\n"

// A File is a file of a layer.
type File struct {
	Name string // its path below /opt
	Mode fs.FileMode
	Data []byte
}

// BaseFiles returns what every layer with the wrapper in it has besides the
// programs: the runner for Python and the folder graft-run.
func BaseFiles() []File {
	files := []File{{"graft-python/sitecustomize.py", 0o644, runner}}
	for _, name := range runPrograms {
		files = append(files, File{"graft-run/" + name, 0o755, []byte(runFile)})
	}
	return files
}

// WriteBase writes the [BaseFiles] below dst, for everyone to read.
func WriteBase(dst string) error {
	for _, f := range BaseFiles() {
		if err := writeFile(filepath.Join(dst, filepath.FromSlash(f.Name)), f.Data, f.Mode); err != nil {
			return err
		}
	}
	return nil
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
