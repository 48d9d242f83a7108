//go:build linux

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A view is a place in the file system that the function sees, as a tree.
//
// Everything is made of two things that work with and without root and on
// every file system: bind mounts and folders of a tmpfs. A folder that comes
// from one place is bound as a whole; one that comes from several (layers), or
// that has a mount point in it, is a folder of a tmpfs in which each entry is
// bound on its own. So no mount point has to exist, nothing is copied, and files keep
// their modes, owners and times. (overlayfs would not do: it does not stack on
// all file systems, and treats some names and attributes of a layer as its own.)
type view struct {
	// sources are what is seen here, of several folders all, a later one over
	// an earlier one. They count only if own is set; else the view shows what
	// its parent's sources have at this place.
	sources []string
	own     bool
	// machine says that v shows what the machine has, where entries come and go.
	machine bool
	// writable views are not made read-only.
	writable bool
	// tmpfs, if set, are the mount options of a fresh file system.
	tmpfs    string
	children map[string]*view
}

// newView returns the whole of what the function sees.
func newView(j *job) *view {
	root := &view{sources: []string{"/"}, machine: true}
	root.at(optDir).show(j.Layers...)
	code := root.at(taskDir)
	code.show()
	if j.Code != "" {
		code.show(j.Code)
	}
	switch {
	case j.Tmp != "":
		tmp := root.at(tmpDir)
		tmp.show(j.Tmp)
		tmp.writable = !j.TmpReadOnly
	case j.TmpSize != 0:
		tmp := root.at(tmpDir)
		tmp.show()
		tmp.tmpfs = fmt.Sprintf("mode=1777,size=%d", j.TmpSize)
		tmp.writable = !j.TmpReadOnly
	}
	for _, m := range j.Mounts {
		root.at(m.Target).show(m.Source)
	}
	return root
}

// at returns the view at the absolute path target, which it adds if need be.
func (v *view) at(target string) *view {
	for name := range strings.SplitSeq(strings.Trim(target, "/"), "/") {
		if v.children[name] == nil {
			if v.children == nil {
				v.children = make(map[string]*view)
			}
			v.children[name] = &view{machine: v.machine}
		}
		v = v.children[name]
	}
	return v
}

func (v *view) show(sources ...string) {
	v.sources, v.own, v.machine = sources, true, false
}

// mount makes v visible at dst, where nothing is yet. Inherited are the
// sources that v has from its parent.
func (v *view) mount(dst string, inherited []string) error {
	sources := inherited
	if v.own {
		sources = v.sources
	}
	if len(sources) == 1 && len(v.children) == 0 {
		if err := bind(sources[0], dst); err != nil {
			return err
		}
		return v.protect(dst)
	}
	if err := os.Mkdir(dst, 0o755); err != nil {
		return err
	}
	if v.own {
		// A mount of its own, so that it can be read-only with all that is in it.
		options := or(v.tmpfs, "mode=0755")
		if err := unix.Mount("tmpfs", dst, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
			return &fs.PathError{Op: "mount", Path: dst, Err: err}
		}
	}
	if err := v.fill(dst, sources); err != nil {
		return err
	}
	return v.protect(dst)
}

// fill puts the entries of sources and the children of v into the folder dst.
// Of what the machine itself has, an entry that vanished or may not be looked
// at is left out.
func (v *view) fill(dst string, sources []string) error {
	if len(sources) > 0 {
		if err := copyAttributes(sources[len(sources)-1], dst); err != nil {
			return err
		}
	}
	entries, err := merge(sources)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if v.children[name] != nil {
			continue
		}
		target := filepath.Join(dst, name)
		if err := entries[name].place(target); err != nil {
			if v.machine && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
				continue
			}
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.children)) {
		var inherited []string
		for _, source := range sources {
			below := filepath.Join(source, name)
			if info, err := os.Stat(below); err == nil && info.IsDir() {
				inherited = append(inherited, below)
			}
		}
		if err := v.children[name].mount(filepath.Join(dst, name), inherited); err != nil {
			return err
		}
	}
	return nil
}

// protect makes the mount at dst read-only, with all that is mounted in it.
func (v *view) protect(dst string) error {
	if !v.own || v.writable {
		return nil
	}
	return readOnly(dst, unix.AT_RECURSIVE)
}

func readOnly(dst string, flags uint) error {
	err := unix.MountSetattr(unix.AT_FDCWD, dst, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if err != nil {
		return &fs.PathError{Op: "make read-only", Path: dst, Err: err}
	}
	return nil
}
