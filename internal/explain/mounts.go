package explain

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/rootfs"
	"github.com/graft-lambda/graft/layers"
	"github.com/graft-lambda/graft/layers/check"
)

// A source is where a layer comes from.
type source struct {
	// file is its folder or zip.
	file string
	// line and id are of a template's layer; 0 and empty for one that was given.
	line int
	id   string
	// sam is set if sam build is to make something else of it.
	sam bool
}

// String names the layer as a template's reader or the command line has it.
func (s source) String() string {
	if s.id == "" {
		return s.file
	}
	return fmt.Sprintf("line %d: layer %s (%s)", s.line, s.id, s.file)
}

// A mount is an open layer, or the code, and where it goes.
type mount struct {
	at   string
	file string
	fsys fs.FS
}

// openAll opens layers and code, and remarks on what is not yet as Lambda will
// have it. The closers are to be closed, also if there is an error.
func (t *target) openAll() (mounts []mount, closers []io.Closer, err error) {
	wrapper, sources, packed := t.open, false, false
	for _, s := range t.layers {
		fsys, c, err := rootfs.OpenPath(s.file)
		if err != nil {
			err = bare(s.file, err)
			if s.id != "" {
				return nil, closers, fmt.Errorf("line %d: layer %s: %w", s.line, s.id, err)
			}
			return nil, closers, fmt.Errorf("--layer: %w", err)
		}
		closers = append(closers, c)
		mounts = append(mounts, mount{"/opt", s.file, fsys})
		folder := isFolder(s.file)
		if _, err := fs.Stat(fsys, layers.Programs()[0]); err == nil {
			wrapper = true
			continue
		}
		if !folder {
			packed = true
			continue
		}
		t.open = true
		sources = t.source(s, fsys) || sources
	}
	if !wrapper && !sources && !t.image && (t.name != "" || packed) {
		t.remark("no layer of the function has %s: shown is what it would do if one had, as layers made by graft build do", self)
	}
	if t.code != "" {
		fsys, c, err := rootfs.OpenPath(t.code)
		if err != nil {
			return nil, closers, fmt.Errorf("--code: %w", bare(t.code, err))
		}
		closers = append(closers, c)
		mounts = append(mounts, mount{"/var/task", t.code, fsys})
	}
	return mounts, closers, nil
}

// source reports whether a folder is not yet what its layer will be, and remarks on
// it.
func (t *target) source(s source, fsys fs.FS) bool {
	manifests := check.ReadFolder(s.file, fsys).Uninstalled()
	build, result := "graft build", "the zip that it makes"
	if s.sam {
		build, result = "sam build", "the template again after it"
	}
	switch {
	case len(manifests) > 0:
		t.remark("%s is a source folder: what %s pins is not installed, and counts as missing here. %s installs it and adds %s: explain %s",
			s, strings.Join(manifests, ", "), build, self, result)
	case s.sam:
		t.remark("%s is a source folder, taken as it is. %s makes the layer of it: explain %s", s, build, result)
	}
	return len(manifests) > 0 || s.sam
}

func isFolder(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.IsDir()
}

// bare returns an error of a file with the file's path in it, once.
func bare(file string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", file, fragment.Cause(err))
	}
	return err
}

// root puts together what the function finds at /opt and /var/task. graft's own
// files are there even if no layer has them yet: graft build adds them.
func (t target) root(mounts []mount) *rootfs.FS {
	root := rootfs.New()
	root.AddFile(self, 0o755, nil)
	for _, f := range layers.BaseFiles() {
		root.AddFile("/opt/"+f.Name, f.Mode, f.Data)
	}
	for _, m := range mounts {
		root.Mount(m.at, m.fsys)
	}
	return root
}
