package testbed

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// move moves the named entries of the folder from into the folder to.
func move(from, to string, names ...string) error {
	for _, name := range names {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// certificates are where distributions keep the machine's authorities.
var certificates = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}

// copyCertificates writes the machine's certificate authorities to path, where
// the managed runtime has Amazon's. A machine without any leaves it empty.
func copyCertificates(path string) error {
	var data []byte
	for _, file := range certificates {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		data = text
		break
	}
	return os.WriteFile(path, data, 0o644)
}
