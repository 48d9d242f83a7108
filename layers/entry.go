package layers

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxEntries is how many entries of one layer are looked at; layers full of
	// small modules have some ten thousands.
	MaxEntries = 200_000
	// MaxTarget is the longest path that a link can hold, in bytes, as Linux has
	// it.
	MaxTarget = 4095

	maxElement = 255 // bytes, as Linux has it
)

// VetEntry reports why an entry of a layer may not be unpacked below /opt. It
// judges the entry by itself, with no look at a file system: name as it stands
// in the archive, a folder's with or without the slash at its end; mode with
// its type; target, what a symbolic link points to and "" for anything else.
//
// Files, folders, links that stay inside and absolute links into /opt are fine.
// A link that leads out only through other links is not seen here: whoever
// unpacks or follows links has to keep inside, too.
func VetEntry(name string, mode fs.FileMode, target string) error {
	if err := vetPlace(name, mode); err != nil {
		return err
	}
	if mode&fs.ModeSymlink != 0 {
		return vetTarget(strings.TrimSuffix(name, "/"), target)
	}
	return nil
}

// Folders are the folders that the entries of an archive need, by name. A single
// long name may need thousands of them.
type Folders map[string]bool

// Add adds the folders above an entry, whose name is a clean relative path, and
// returns those that are new, the deepest first. The error is that there are
// more than [MaxEntries].
func (f Folders) Add(name string) (fresh []string, err error) {
	for end := strings.LastIndexByte(name, '/'); end > 0 && !f[name[:end]]; end = strings.LastIndexByte(name[:end], '/') {
		if len(f) == MaxEntries {
			return nil, fmt.Errorf("more than %d folders", MaxEntries)
		}
		f[name[:end]] = true
		fresh = append(fresh, name[:end])
	}
	return fresh, nil
}

// VetZipped is [VetEntry] for an entry of a zip whose content is yet to be
// read: what a link points to is not judged.
func VetZipped(f *zip.File) error {
	const encrypted = 1
	err := vetPlace(f.Name, f.Mode())
	switch {
	case err != nil:
		return err
	case f.Flags&encrypted != 0:
		return ErrEncrypted
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("%w %d", ErrMethod, f.Method)
	}
	return nil
}

// What [VetEntry] and [VetZipped] return, or wrap, if it is not the name that is
// wrong.
var (
	// ErrSetID is a file that would run as its owner or group.
	ErrSetID = errors.New("a set-user-id or set-group-id file")
	// ErrSpecial is a device, a socket, a FIFO.
	ErrSpecial = errors.New("neither a file nor a link")
	// ErrLink is a symbolic link that leaves the layer.
	ErrLink = errors.New("a link that leaves the layer")
	// ErrEncrypted is an entry that only a password opens.
	ErrEncrypted = errors.New("encrypted")
	// ErrMethod is an entry that is compressed in a way that Lambda does not know.
	ErrMethod = errors.New("compressed by method")
)

// vetPlace judges the name and the kind of an entry.
func vetPlace(name string, mode fs.FileMode) error {
	name = strings.TrimSuffix(name, "/")
	if mode.IsDir() && name != "" && path.Clean(name) == "." && strings.Trim(name, "./") == "" {
		return nil // /opt itself, which some programs pack too
	}
	if err := vetName(name); err != nil {
		return err
	}
	return vetKind(mode)
}

// vetKind judges what an entry is. The bits of a folder are not of concern:
// nothing runs by them.
func vetKind(mode fs.FileMode) error {
	switch {
	case mode.Type() == fs.ModeDir, mode.Type() == fs.ModeSymlink:
		return nil
	case !mode.IsRegular():
		return ErrSpecial
	case mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return ErrSetID
	}
	return nil
}

// vetName reports why name is no path of a file below /opt.
func vetName(name string) error {
	switch {
	case strings.HasPrefix(name, "/"):
		return errors.New("an absolute name")
	case path.Clean(name) == ".":
		return errors.New("an empty name")
	case !utf8.ValidString(name):
		return errors.New("a name that is not UTF-8")
	case strings.Contains(name, `\`):
		return errors.New("a backslash in the name")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("a control character in the name")
	case len(name) > MaxTarget:
		return errors.New("a name that is too long")
	}
	for element := range strings.SplitSeq(name, "/") {
		switch {
		case element == "..":
			return errors.New("a name that leaves the layer")
		case len(element) > maxElement:
			return errors.New("a name that is too long")
		}
	}
	return nil
}

// vetTarget reports why the link name may not point to target.
func vetTarget(name, target string) error {
	if target == "" || len(target) > MaxTarget || strings.ContainsRune(target, 0) {
		return fmt.Errorf("%w: no path in it", ErrLink)
	}
	to := path.Clean(target)
	if !path.IsAbs(to) {
		// Above /opt everything is outside, "/" no less than "/etc".
		to = path.Join("/opt", path.Dir(name), target)
	}
	if to != "/opt" && !strings.HasPrefix(to, "/opt/") {
		return ErrLink
	}
	return nil
}
