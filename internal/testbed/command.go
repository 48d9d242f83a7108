package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A command is one program run while an item is made.
type command struct {
	dir  string
	env  []string // added to this process's own
	argv []string
}

// run runs c to its end and returns its standard output. The error holds the
// last lines of what it printed.
func run(ctx context.Context, c command) (string, error) {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	// A build's children must end with it, or they would hold its pipes open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout = &out
	cmd.Stderr = &errs
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil { // what a killed program printed explains nothing
		return out.String(), fmt.Errorf("%s: %w", filepath.Base(c.argv[0]), ctx.Err())
	}
	return out.String(), fmt.Errorf("%s: %w%s", filepath.Base(c.argv[0]), err, tail(out.String()+errs.String(), 12))
}

// tail returns the last n lines of text, indented, each on a line of its own.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	return "\n\t" + strings.Join(lines, "\n\t")
}

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
	"python3":             "python3, python3-pip",
	"qemu-aarch64-static": "qemu-user-static",
	"ruby":                "ruby",
	"tar":                 "tar",
	"unshare":             "util-linux",
	"xz":                  "xz-utils",
}

// Tool returns the path of a program on PATH. If it is missing the error wraps
// [ErrUnavailable] and names the Debian package that brings it.
func Tool(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	if err == nil {
		return filepath.Abs(path)
	}
	if !errors.Is(err, exec.ErrNotFound) {
		return "", err
	}
	if pkg, ok := packages[name]; ok {
		return "", unavailable("%s is not on PATH (Debian: %s)", name, pkg)
	}
	return "", unavailable("%s is not on PATH", name)
}

// tools checks that all the named programs are there.
func tools(names ...string) error {
	for _, name := range names {
		if _, err := Tool(name); err != nil {
			return err
		}
	}
	return nil
}
