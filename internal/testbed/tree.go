package testbed

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Write writes files below dir, by their paths in it. A text that begins with "->"
// makes a symbolic link, and a name that ends with a slash a folder.
func Write(t testing.TB, dir string, mode fs.FileMode, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		if target, ok := strings.CutPrefix(text, "->"); ok {
			require.NoError(t, os.Symlink(strings.TrimSpace(target), file))
		} else if strings.HasSuffix(name, "/") {
			require.NoError(t, os.MkdirAll(file, 0o755))
		} else {
			require.NoError(t, os.WriteFile(file, []byte(text), mode))
		}
	}
}

// Tree is a new folder with these files, as [Write] makes them.
func Tree(t testing.TB, mode fs.FileMode, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	Write(t, dir, mode, files)
	return dir
}
