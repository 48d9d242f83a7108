package layers

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// zipDate is the date of every entry: the first that a zip can hold. With
// names in order and no owner, the same files give the same bytes.
var zipDate = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// WriteZip writes the files of a layer's folder as Lambda unpacks them to /opt:
// regular files as 0644 or, if anyone may execute them, 0755, and symbolic
// links that stay inside as links. The zip is the same to the byte for the same
// files. Anything else in the folder is an error.
func WriteZip(w io.Writer, folder *os.Root) error {
	z := zip.NewWriter(w)
	err := fs.WalkDir(folder.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := addFile(z, folder, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return z.Close()
}

func addFile(z *zip.Writer, folder *os.Root, name string) error {
	info, err := shippable(folder, name)
	if err != nil {
		return err
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: zipDate}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := folder.Readlink(name)
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
	}
	h.SetMode(shippedMode(info))
	f, err := folder.Open(name)
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

// Zip writes the folder dir as a layer's zip to the file out, whole or not at
// all. What [WriteZip] refuses is an error.
func Zip(dir, out string) error {
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = WriteZip(tmp, folder)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), out)
}
