package layers

import (
	"encoding/json"
	"io"
	"io/fs"
	"path"
)

const packageFile = "package.json"

// maxPackageFile bounds what is read of a package.json, in bytes.
const maxPackageFile = 1 << 20

// Unlocked tells whether the package.json in the folder dir names dependencies
// that neither a lock file nor a node_modules folder brings, there or above.
func Unlocked(root fs.FS, dir string) bool {
	name := path.Join(dir, packageFile)
	if info, err := fs.Stat(root, name); err != nil || !info.Mode().IsRegular() {
		return false
	}
	file, err := root.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPackageFile))
	var wants struct{ Dependencies map[string]any }
	if err != nil || json.Unmarshal(text, &wants) != nil || len(wants.Dependencies) == 0 {
		return false
	}
	for ; ; dir = path.Dir(dir) {
		for _, name := range []string{"node_modules", "package-lock.json"} {
			if _, err := fs.Lstat(root, path.Join(dir, name)); err == nil {
				return false
			}
		}
		if dir == "." {
			return true
		}
	}
}
