//go:build linux

package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runWrapper does what the bootstrap of a managed runtime does with a set
// AWS_LAMBDA_EXEC_WRAPPER. It returns only when the wrapper could not be
// started, with the exit status of the bootstrap.
func runWrapper(wrapper string, command, env []string) int {
	if info, err := os.Stat(wrapper); err != nil || !info.Mode().IsRegular() {
		fmt.Println(wrapper + ": does not exist")
		return 127
	}
	if unix.Faccessat(unix.AT_FDCWD, wrapper, unix.X_OK, unix.AT_EACCESS) != nil {
		fmt.Println(wrapper + ": is not an executable")
		return 126
	}
	// As the shell's exec: without a slash the tests above look in the working
	// directory, but exec looks in PATH.
	program, err := lookPath(wrapper, env)
	if err == nil {
		argv := append([]string{wrapper}, command...)
		err = syscall.Exec(program, argv, env)
		if errors.Is(err, unix.ENOEXEC) && isText(program) {
			// What has no #! line the bash of the bootstrap reads itself.
			err = syscall.Exec("/bin/bash", append([]string{"/bin/bash"}, append([]string{program}, command...)...), env)
		}
	}
	fmt.Fprintf(os.Stderr, "/var/runtime/bootstrap: %s: cannot execute: %v\n", wrapper, err)
	if errors.Is(err, fs.ErrNotExist) {
		return 127
	}
	return 126
}

// isText tells whether bash would read the file as a script: its first line
// has no NUL.
func isText(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 80)
	n, _ := f.Read(head)
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	return bytes.IndexByte(line, 0) < 0
}

// lookPath finds a program as a shell with this environment would.
func lookPath(program string, env []string) (string, error) {
	if strings.Contains(program, "/") {
		return program, nil
	}
	for _, dir := range filepath.SplitList(getenv(env, "PATH")) {
		candidate := filepath.Join(or(dir, "."), program)
		info, err := os.Stat(candidate)
		if err == nil && info.Mode().IsRegular() && unix.Faccessat(unix.AT_FDCWD, candidate, unix.X_OK, unix.AT_EACCESS) == nil {
			return candidate, nil
		}
	}
	return "", unix.ENOENT
}
