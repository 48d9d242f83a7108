package local

import (
	"errors"
	"io/fs"
	"os"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// hostsFile is where the names are that need no look-up.
const hostsFile = "/etc/hosts"

// writeHosts writes the machine's hosts file, with the sandbox's own name in
// it, to a temporary file. It returns "" where the machine has none.
func writeHosts() (name string, err error) {
	text, err := os.ReadFile(hostsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "graft-hosts-")
	if err != nil {
		return "", err
	}
	_, err = file.Write(append(text, "\n"+loopback+" "+telemetry.SandboxHost+"\n"...))
	// Whoever the function runs as reads it.
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}
