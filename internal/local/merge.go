//go:build linux

package local

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// An entry is a name in a folder that is merged from several.
type entry struct {
	kind  fs.FileMode
	paths []string // several only if all are folders, in order
}

// merge lists the entries of folders, those of a later one over an earlier one's.
func merge(folders []string) (map[string]entry, error) {
	entries := make(map[string]entry)
	for _, folder := range folders {
		list, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, item := range list {
			e := entry{kind: item.Type()}
			if before := entries[item.Name()]; e.kind.IsDir() && before.kind.IsDir() {
				e.paths = before.paths
			}
			e.paths = append(e.paths, filepath.Join(folder, item.Name()))
			entries[item.Name()] = e
		}
	}
	return entries, nil
}

// place makes the entry visible at dst.
func (e entry) place(dst string) error {
	if e.kind&fs.ModeSymlink != 0 {
		link, err := os.Readlink(e.paths[0])
		if err != nil {
			return err
		}
		return os.Symlink(link, dst)
	}
	return (&view{}).mount(dst, e.paths)
}

// bind shows the file or folder source at dst, with what is mounted in it.
func bind(source, dst string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(dst, 0o755)
	} else {
		err = os.WriteFile(dst, nil, 0o644)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(source, dst, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return &fs.PathError{Op: "bind", Path: source, Err: err}
	}
	return nil
}

// copyAttributes gives the folder dst the mode and owner of src.
func copyAttributes(src, dst string) error {
	var st unix.Stat_t
	if err := unix.Stat(src, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: src, Err: err}
	}
	// In a user namespace another owner does not exist; then it stays ours.
	// Before the mode: chown takes special bits away.
	_ = unix.Chown(dst, int(st.Uid), int(st.Gid))
	if err := unix.Chmod(dst, st.Mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: dst, Err: err}
	}
	return nil
}
