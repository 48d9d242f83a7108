package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/graft-lambda/graft/inject/fragment"
)

// VetFolders reports the first layer folder that is not there, or is none.
func VetFolders(folders ...string) error {
	for _, folder := range folders {
		src, err := realFolder(folder)
		if err != nil {
			return err
		}
		if info, err := os.Stat(src); err == nil && !info.IsDir() {
			return fmt.Errorf("layer folder: %s: not a folder", folder)
		}
	}
	return nil
}

// Apart reports whether the folder dir, which a build writes to, lies outside the
// layer folders. One inside a layer folder has to be left out of the layer by
// [Options].Without, or the next build would ship what this one writes. The error
// says why dir cannot be written to: it is no folder; or it is a layer folder
// itself; or it lies inside one and holds something that no build writes, which
// would then be missing from the layer.
func Apart(dir string, folders []string) (bool, error) {
	dst, err := realPath(dir)
	if err != nil {
		return false, fmt.Errorf("%q: %w", dir, fragment.Cause(err))
	}
	entries, err := os.ReadDir(dst)
	if info, statErr := os.Stat(dst); statErr == nil && !info.IsDir() {
		return false, fmt.Errorf("%q: not a folder", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%q: %w", dir, fragment.Cause(err))
	}
	for _, folder := range folders {
		src, err := realFolder(folder)
		switch {
		case err != nil:
			return false, err
		case dst == src:
			return false, fmt.Errorf("%q: the layer folder itself: the next build would ship what this one writes there", dir)
		case !within(dst, src):
			continue
		}
		if other := foreign(dst, entries); other != "" {
			return false, fmt.Errorf("%q: inside the layer folder %s, and %s in it is not what a build writes: it would be missing from the layer; give another folder", dir, folder, other)
		}
		return false, nil
	}
	return true, nil
}

// zipName matches the end of the names that graft build gives to zips, and that
// [Layer.Zip] gives to them until they are complete.
var zipName = regexp.MustCompile(`-(amd64|arm64)\.zip(\.[0-9]+)?$`)

// Builds returns the files of the layer, by their names below /opt, that are named
// like zips of graft build. An earlier build may have written them into a layer
// folder.
func (l *Layer) Builds() []string {
	var names []string
	for _, it := range l.sorted() {
		if zipName.MatchString(it.name) {
			names = append(names, it.name)
		}
	}
	return names
}

// foreign returns the name of an entry of the folder dir that no build has
// written there: it is neither a zip nor an OCI image layout, nor part of one.
func foreign(dir string, entries []fs.DirEntry) string {
	if replaceable(dir) == nil {
		return ""
	}
	for _, e := range entries {
		zip := e.Type().IsRegular() && zipName.MatchString(e.Name())
		if !zip && (!e.IsDir() || replaceable(filepath.Join(dir, e.Name())) != nil) {
			return e.Name()
		}
	}
	return ""
}
