package keep

import (
	"errors"
	"os/exec"
	"path/filepath"
)

// packages names the Debian package that brings a program.
var packages = map[string]string{
	"autoreconf":          "autoconf, automake, libtool",
	"cmake":               "cmake",
	"curl":                "curl",
	"gcc":                 "gcc",
	"g++":                 "g++",
	"java":                "openjdk-17-jdk-headless",
	"javac":               "openjdk-17-jdk-headless",
	"jar":                 "openjdk-17-jdk-headless",
	"make":                "make",
	"mcs":                 "mono-mcs",
	"musl-gcc":            "musl-tools",
	"mvn":                 "maven",
	"node":                "nodejs",
	"npm":                 "npm",
	"openssl":             "openssl",
	"python3":             "python3, python3-pip",
	"qemu-aarch64-static": "qemu-user-static",
	"ruby":                "ruby",
	"strace":              "strace",
	"tar":                 "tar",
	"unshare":             "util-linux",
	"xz":                  "xz-utils",
}

// Tool returns the absolute path of a program on PATH. If it is missing the
// error wraps [ErrUnavailable] and names the Debian package that brings it.
func Tool(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	if err == nil {
		return filepath.Abs(path)
	}
	if !errors.Is(err, exec.ErrNotFound) {
		return "", err
	}
	if pkg, ok := packages[name]; ok {
		return "", Unavailable("%s is not on PATH (Debian: %s)", name, pkg)
	}
	return "", Unavailable("%s is not on PATH", name)
}

// Tools checks that all the named programs are on PATH, as [Tool] does.
func Tools(names ...string) error {
	for _, name := range names {
		if _, err := Tool(name); err != nil {
			return err
		}
	}
	return nil
}
