package local

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A Mount shows the file or folder Source of this machine at Target, read-only.
// Target is an absolute path outside /dev, /proc, /sys and /tmp; it need not
// exist.
type Mount struct {
	Source string
	Target string
}

func (m Mount) prepared() (Mount, error) {
	if !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || m.Target == "/" {
		return m, fmt.Errorf("mount: %q: not a clean absolute path below /", m.Target)
	}
	// To make a mount point there would mean to write to the machine's own, or
	// to mirror what changes all the time.
	for _, kernel := range []string{"/dev", "/proc", "/sys", tmpDir} {
		if m.Target == kernel || strings.HasPrefix(m.Target, kernel+"/") {
			return m, fmt.Errorf("mount: %q: nothing can be mounted in %s", m.Target, kernel)
		}
	}
	source, err := filepath.Abs(m.Source)
	if err != nil {
		return m, fmt.Errorf("mount: %w", err)
	}
	m.Source = source
	if _, err := os.Stat(source); err != nil {
		return m, fmt.Errorf("mount: %w", err)
	}
	return m, nil
}

// folder returns the absolute path of a folder that exists; "" stays "".
func folder(what, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s: %q: not a folder", what, name)
	}
	return abs, nil
}
