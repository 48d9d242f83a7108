package layers

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// zipDate is the date of every entry: the first that a zip can hold. With
// names in order and no owner, the same files give the same bytes.
var zipDate = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// WriteZip writes the files of a layer as Lambda unpacks them to /opt:
// regular files as 0644 or, if anyone may execute them, 0755, and symbolic
// links as links. The zip is the same to the byte for the same files. Anything
// else in fsys is an error.
func WriteZip(w io.Writer, fsys fs.FS) error {
	z := zip.NewWriter(w)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return addFile(z, fsys, name, info)
	})
	if err != nil {
		return err
	}
	return z.Close()
}

func addFile(z *zip.Writer, fsys fs.FS, name string, info fs.FileInfo) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: zipDate}
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(fsys, name)
		if err != nil {
			return err
		}
		h.SetMode(fs.ModeSymlink | 0o777)
		h.Method = zip.Store
		entry, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = io.WriteString(entry, target)
		return err
	case !mode.IsRegular():
		return fmt.Errorf("%s: neither a file nor a link", name)
	case mode&0o111 != 0:
		h.SetMode(0o755)
	default:
		h.SetMode(0o644)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()

	entry, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, f)
	return err
}
