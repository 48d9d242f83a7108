package layers

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
)

// ErrNoZip says that a file is no layer.
var ErrNoZip = errors.New("neither a folder nor a zip")

var (
	errTooBig = errors.New("more bytes than a function's layers may have together (250 MB)")
	errTwice  = errors.New("there twice")
)

// Unzip unpacks a layer's zip into the empty folder dst as Lambda does to
// /opt. It returns how many bytes of files that were; more than most is an
// error.
//
// The zip is not trusted. A name or a link that leaves the layer, a name that is
// there twice, an encrypted entry, a set-user-id or set-group-id file and
// anything that is neither file nor folder nor link is an error that names the
// entry; so is the end of ctx. What was unpacked by then stays. Links into /opt
// and links to nothing stay as they are: they may mean a file of another layer.
func Unzip(ctx context.Context, file, dst string, most int64) (int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > MaxUnzipped {
		return 0, fmt.Errorf("%s: %w", file, errTooBig)
	}
	z, err := OpenZip(f, info.Size())
	if errors.Is(err, zip.ErrFormat) {
		err = ErrNoZip
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	if len(z.File) > MaxEntries {
		return 0, fmt.Errorf("%s: %d entries, more than %d", file, len(z.File), MaxEntries)
	}
	root, err := os.OpenRoot(dst)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	u := unzipping{root: root, left: most, seen: map[string]bool{}, folders: Folders{}}
	if name, err := u.all(ctx, z.File); err != nil {
		return most - u.left, fmt.Errorf("%s: %.300q: %w", file, name, err)
	}
	return most - u.left, nil
}

// maxTargets bounds what all links together point to, in bytes.
const maxTargets = 16 << 20

const (
	maxHops = 40        // links on one way, as Linux has it
	maxWalk = 256 << 20 // bytes of the ways of all links
)

// unzipping is one zip on its way into a folder.
type unzipping struct {
	root    *os.Root
	left    int64           // bytes that may yet be unpacked
	seen    map[string]bool // names of files and links
	folders Folders
	targets int // bytes of what links point to
	links   []link
}

type link struct{ name, target string }

// all unpacks the entries. With an error comes the name of the entry.
func (u *unzipping) all(ctx context.Context, entries []*zip.File) (string, error) {
	for _, f := range entries {
		if err := ctx.Err(); err != nil {
			return f.Name, err
		}
		if err := u.entry(f); err != nil {
			return f.Name, err
		}
	}
	// Links come last, so that nothing is ever written through one.
	for _, l := range u.links {
		if err := u.root.MkdirAll(path.Dir(l.name), 0o755); err != nil {
			return l.name, err
		}
		if err := u.root.Symlink(l.target, l.name); err != nil {
			return l.name, plain(err)
		}
	}
	targets := map[string]string{}
	for _, l := range u.links {
		targets[l.name] = l.target
	}
	work := maxWalk
	for _, l := range u.links {
		if escapes(targets, l.name, maxHops, &work) {
			return l.name, ErrLink
		}
	}
	return "", nil
}

func (u *unzipping) entry(f *zip.File) error {
	if err := VetZipped(f); err != nil {
		return err
	}
	name, mode := path.Clean(f.Name), f.Mode()
	if _, err := u.folders.Add(name); err != nil {
		return err
	}
	if mode.IsDir() {
		return plain(u.root.MkdirAll(name, 0o755))
	}
	if u.seen[name] {
		return errTwice
	}
	u.seen[name] = true
	if mode&fs.ModeSymlink != 0 {
		return u.link(f, name)
	}
	return u.file(f, name)
}

func (u *unzipping) link(f *zip.File, name string) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	target, err := io.ReadAll(io.LimitReader(in, MaxTarget+1))
	if err != nil {
		return err
	}
	if u.targets += len(target); u.targets > maxTargets {
		return errTooBig
	}
	l := link{name: name, target: string(target)}
	if err := VetEntry(name, f.Mode(), l.target); err != nil {
		return err
	}
	u.links = append(u.links, l)
	return nil
}

func (u *unzipping) file(f *zip.File, name string) error {
	// What the zip says of the size is a hint only; what comes out counts.
	if f.UncompressedSize64 > math.MaxInt64 || int64(f.UncompressedSize64) > u.left {
		return errTooBig
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return plain(err)
	}
	out, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return plain(err)
	}
	n, err := io.Copy(out, io.LimitReader(in, u.left+1))
	u.left -= min(n, u.left)
	if n > int64(f.UncompressedSize64) && err == nil {
		err = errTooBig
	}
	return errors.Join(err, out.Chmod(f.Mode().Perm()), out.Close())
}

// plain strips the path from an error, since the entry is named already.
func plain(err error) error {
	if pathError := new(fs.PathError); errors.As(err, &pathError) {
		return pathError.Err
	}
	if linkError := new(os.LinkError); errors.As(err, &linkError) {
		return linkError.Err
	}
	return err
}
