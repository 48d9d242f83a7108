package check

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/layers"
)

// A root is the file system of a function as its layers make it: the stack of
// layers below /opt, and what Lambda's own system is known to have. Links are
// followed in it, never outside. Permissions are those of Lambda's user.
type root struct {
	nodes map[string]*entry   // files, links and folders that are entries
	dirs  map[string][]string // every folder's entries, in order
	kept  *contents
}

func newRoot() *root {
	return &root{nodes: map[string]*entry{}, dirs: map[string][]string{".": nil}, kept: &contents{}}
}

// put sets what lies at name.
func (r *root) put(name string, e *entry) {
	if e.mode.IsDir() {
		r.mkdir(name)
	} else {
		r.mkdir(path.Dir(name))
		r.link(name)
	}
	r.nodes[name] = e
}

// putData sets a file of Lambda's own.
func (r *root) putData(name string, data string, mode fs.FileMode) {
	e := &entry{name: name, mode: mode, size: int64(len(data))}
	e.open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(data)), nil }
	r.put(name, e)
}

func (r *root) mkdir(dir string) {
	if _, ok := r.dirs[dir]; ok {
		return
	}
	r.dirs[dir] = nil
	r.mkdir(path.Dir(dir))
	r.link(dir)
}

// link makes name known to its folder.
func (r *root) link(name string) {
	dir, base := path.Dir(name), path.Base(name)
	if i, found := slices.BinarySearch(r.dirs[dir], base); !found {
		r.dirs[dir] = slices.Insert(r.dirs[dir], i, base)
	}
}

// maxRest bounds what is still to be followed of a path, in bytes: several times
// the longest target of a link.
const maxRest = 4 * layers.MaxTarget

var (
	errLoop    = errors.New("too many levels of symbolic links")
	errOutside = errors.New("leads out of the layers, by way of other links")
)

// resolve returns the real path of name: with the links on the way followed,
// and the last one too if asked.
func (r *root) resolve(name string, last bool) (string, error) {
	if !fs.ValidPath(name) {
		return "", fs.ErrInvalid
	}
	at, rest, hops := ".", name, 0
	missing := func() (string, error) {
		if hops > 0 && at != "opt" && !strings.HasPrefix(at, "opt/") {
			return "", errOutside
		}
		return "", fs.ErrNotExist
	}
	for rest != "" {
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		if element == "" || element == "." {
			continue
		}
		if _, ok := r.dirs[at]; !ok {
			return missing()
		}
		if e := r.nodes[at]; e != nil && !forAll(e, 0o001) {
			return "", fs.ErrPermission
		}
		if element == ".." { // of a real path, so it is what the kernel makes of it
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, element)
		e := r.nodes[next]
		if e == nil || e.mode&fs.ModeSymlink == 0 || rest == "" && !last {
			at = next
			continue
		}
		// Links whose targets lead over many links again would take long, if each
		// way was followed to its 40th link.
		if hops++; hops > 40 || len(rest) > maxRest {
			return "", errLoop
		}
		if path.IsAbs(e.target) {
			at = "."
		}
		rest = e.target + "/" + rest
	}
	if _, ok := r.dirs[at]; !ok && r.nodes[at] == nil {
		return missing()
	}
	return at, nil
}

// forAll reports whether everyone has the permission. A source folder is
// judged as graft build ships it.
func forAll(e *entry, perm fs.FileMode) bool {
	return e.layer != nil && e.layer.folder || e.mode.Perm()&perm != 0
}

// info returns the properties of the real path at.
func (r *root) info(at string) fs.FileInfo {
	e, ok := r.nodes[at]
	if !ok {
		return stat{name: path.Base(at), mode: fs.ModeDir | 0o555}
	}
	mode := e.mode.Type()
	for _, perm := range []fs.FileMode{0o111, 0o444} {
		if forAll(e, perm&0o007) && e.mode&perm != 0 {
			mode |= perm
		}
	}
	if e.layer != nil && e.layer.folder {
		mode |= 0o444
	}
	return stat{name: path.Base(at), mode: mode, size: e.size}
}

func (r *root) Stat(name string) (fs.FileInfo, error)  { return r.look("stat", name, true) }
func (r *root) Lstat(name string) (fs.FileInfo, error) { return r.look("lstat", name, false) }

func (r *root) look(op, name string, last bool) (fs.FileInfo, error) {
	at, err := r.resolve(name, last)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return r.info(at), nil
}

func (r *root) ReadLink(name string) (string, error) {
	at, err := r.resolve(name, false)
	if err == nil && (r.nodes[at] == nil || r.nodes[at].mode&fs.ModeSymlink == 0) {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return r.nodes[at].target, nil
}

func (r *root) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := r.resolve(name, true)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	bases, ok := r.dirs[at]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	var list []fs.DirEntry
	for _, base := range bases {
		list = append(list, fs.FileInfoToDirEntry(r.info(path.Join(at, base))))
	}
	return list, nil
}

func (r *root) Open(name string) (fs.File, error) {
	at, err := r.resolve(name, true)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	e := r.nodes[at]
	if e != nil && e.mode.IsRegular() && !forAll(e, 0o004) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return &file{root: r, entry: e, info: r.info(at)}, nil
}

// entry returns the file that name leads to.
func (r *root) entry(name string) (*entry, error) {
	at, err := r.resolve(name, true)
	if err != nil {
		return nil, err
	}
	return r.nodes[at], nil
}
