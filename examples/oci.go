package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// packImage writes an OCI image layout into the folder dst: one image of one
// layer, which is the folder root, that is started as config says.
func packImage(dst, root string, config v1.Config) error {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() {
			archive := tar.NewWriter(w)
			w.CloseWithError(errors.Join(archive.AddFS(os.DirFS(root)), archive.Close()))
		}()
		return r, nil
	})
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	if image, err = mutate.Config(image, config); err != nil {
		return err
	}
	_, err = layout.Write(dst, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image}))
	return err
}

// unpackImage fills the folder root with the file system of the one image in an
// OCI image layout, and returns how it is started.
func unpackImage(root, src string) (v1.Config, error) {
	index, err := layout.ImageIndexFromPath(src)
	if err != nil {
		return v1.Config{}, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return v1.Config{}, err
	}
	if n := len(manifest.Manifests); n != 1 {
		return v1.Config{}, fmt.Errorf("%s: %d images, not one", src, n)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return v1.Config{}, err
	}
	files := mutate.Extract(image)
	if err := errors.Join(untar(root, files), files.Close()); err != nil {
		return v1.Config{}, fmt.Errorf("%s: %w", src, err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return v1.Config{}, err
	}
	return file.Config, nil
}

// untar unpacks folders and files into the folder dst, which it makes.
func untar(dst string, r io.Reader) error {
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dst)
	if err != nil {
		return err
	}
	defer root.Close()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Clean(header.Name)
		switch header.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeReg:
			err = writeFile(root, name, header.FileInfo().Mode(), archive)
		default:
			err = fmt.Errorf("%s: neither a file nor a folder", name)
		}
		if err != nil {
			return err
		}
	}
}

func writeFile(root *os.Root, name string, mode os.FileMode, r io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
