//go:build linux

package local

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// firstMount is the report on the first thing that takes a capability.
const firstMount = "make private /"

// enter makes v the root of this process, which must be in a mount namespace
// of its own. It uses an empty folder in scratch and takes it away again.
// Before, it mounts the file hosts, if not "", over /etc/hosts, for v to show.
func enter(v *view, scratch, hosts string) (err error) {
	// From here on nothing that is mounted reaches another namespace.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return &fs.PathError{Op: "make private", Path: "/", Err: err}
	}
	if hosts != "" {
		if err := unix.Mount(hosts, hostsFile, "", unix.MS_BIND, ""); err != nil {
			return &fs.PathError{Op: "bind", Path: hostsFile, Err: err}
		}
		if err := readOnly(hostsFile, 0); err != nil {
			return err
		}
	}
	root, err := os.MkdirTemp(scratch, "graft-local-")
	if err != nil {
		return err
	}
	parent, err := unix.Open(scratch, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		os.Remove(root)
		return &fs.PathError{Op: "open", Path: scratch, Err: err}
	}
	defer func() {
		if err != nil {
			_ = unix.Unmount(root, unix.MNT_DETACH)
		}
		// By the descriptor, because by now the path may lead into the new root.
		_ = unix.Unlinkat(parent, filepath.Base(root), unix.AT_REMOVEDIR)
		_ = unix.Close(parent)
	}()
	if err := unix.Mount("tmpfs", root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return &fs.PathError{Op: "mount", Path: root, Err: err}
	}
	// Unbindable, or binding the folder that holds root would bind root into itself.
	if err := unix.Mount("", root, "", unix.MS_UNBINDABLE, ""); err != nil {
		return &fs.PathError{Op: "make unbindable", Path: root, Err: err}
	}
	if err := v.fill(root, v.sources); err != nil {
		return err
	}
	if err := readOnly(root, 0); err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return &fs.PathError{Op: "pivot_root", Path: root, Err: err}
	}
	// The old root now lies over the new one, at the same place.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return &fs.PathError{Op: "unmount", Path: "/", Err: err}
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE, ""); err != nil {
		return &fs.PathError{Op: "make bindable", Path: "/", Err: err}
	}
	return os.Chdir("/")
}
