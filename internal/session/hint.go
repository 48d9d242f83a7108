package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/managed"
)

// hints say what to do about an init that failed.
var hints = map[string]string{
	"Runtime.ExitError":     "the runtime ended before it asked for an event; what it wrote stands above; --handler sets the handler",
	"Extension.LaunchError": "every file in a layer's folder extensions must be an executable program for this machine",
	"Extension.Crash":       "an extension may not end before it gets SHUTDOWN; what it wrote stands above",
}

// The exit statuses of a shell, and of wrappers, for a program that cannot be
// executed and for one that is not there.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// hint says what to do about an init of f that failed, "" if nothing is known.
func hint(f local.Function, failed *local.InitError) string {
	started := failed.ExitCode != exitNotExecutable && failed.ExitCode != exitNotFound
	switch {
	case failed.Type == "Runtime.InvalidEntrypoint":
		return commandHint(f, failed.Err)
	case failed.Type == "Runtime.ExitError" && f.Managed && !started:
		return wrapperHint(f)
	case failed.Type == "Runtime.ExitError" && f.Managed && refers(f.Env):
		return "the runtime ended before it asked for an event; what it wrote stands above. A reference is fetched with the function's region (--region), " +
			"its credentials (--env) and its files (/tmp is an empty one); --env GRAFT_SECRETS=optional starts it without the value"
	}
	return hints[failed.Type]
}

// refers reports whether graft fetches something for the environment, and does
// not start the function without it.
func refers(env []string) bool {
	return slices.ContainsFunc(env, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return reference.Is(value) || name == "GRAFT_SSM_PATH" && value != ""
	})
}

// wrapperHint is about a wrapper that did not start, or did not start the command.
func wrapperHint(f local.Function) string {
	wrapper := ""
	for _, entry := range f.Env {
		if value, ok := strings.CutPrefix(entry, managed.ExecWrapper+"="); ok {
			wrapper = value
		}
	}
	file, ok := find(f, wrapper)
	switch {
	case wrapper == "": // as if it were not set
		return hints["Runtime.ExitError"]
	case wrapper == graftPath && !ok:
		return "no layer has " + graftPath + ", which " + managed.ExecWrapper + " names: graft build makes one that has it, --layer gives it to the function"
	case !ok:
		return managed.ExecWrapper + " names a file that is not there: --layer gives the layer that has it"
	case file.Mode()&0o111 == 0:
		return managed.ExecWrapper + " names a file that may not be executed: chmod 0755"
	}
	return managed.ExecWrapper + " names a program that is there; what it wrote stands above. The command behind it " + lookedUp
}

// graftPath is where a layer has graft.
const graftPath = "/opt/graft"

// lookedUp says where a command must be.
const lookedUp = "is looked up in the function's own PATH, not in this shell's, and starts in /var/task, which is --code; give its whole path (but /tmp is an empty one), or --env PATH=…"

// commandHint is about a command that the kernel did not start, for the reason why.
func commandHint(f local.Function, why error) string {
	command := f.Command[0]
	if !strings.Contains(command, "/") {
		text := fmt.Sprintf("%q %s", command, lookedUp)
		if here, err := exec.LookPath(command); err == nil {
			text += "; this shell has it at " + here
		}
		return text
	}
	_, ok := find(f, command)
	switch {
	case !ok:
		return fmt.Sprintf("%q is not there: the command starts in /var/task, which is --code %q; the layers are at /opt, and /tmp is an empty one", command, f.Code)
	case errors.Is(why, fs.ErrPermission):
		return fmt.Sprintf("%q may not be executed: chmod 0755", command)
	case errors.Is(why, fs.ErrNotExist):
		return fmt.Sprintf("%q is there, but not the interpreter that its first line, or its program header, names; a line may not end with CRLF", command)
	case errors.Is(why, syscall.ENOEXEC):
		return fmt.Sprintf("%q is no program for this machine; a script must begin with a line such as #!/bin/sh", command)
	}
	return ""
}

// find looks for what the function sees as name.
func find(f local.Function, name string) (fs.FileInfo, bool) {
	if !path.IsAbs(name) {
		name = path.Join("/var/task", name)
	}
	name = path.Clean(name)
	places := []string{name}
	if rest, ok := strings.CutPrefix(name, "/var/task/"); ok {
		places = []string{filepath.Join(f.Code, rest)}
	} else if rest, ok := strings.CutPrefix(name, "/opt/"); ok {
		places = nil
		for _, layer := range slices.Backward(f.Layers) {
			places = append(places, filepath.Join(layer, rest))
		}
	} else if strings.HasPrefix(name, "/tmp/") {
		places = nil
	}
	for _, place := range places {
		// A link's target is another place there than here.
		if info, err := os.Lstat(place); err == nil {
			return info, true
		}
	}
	return nil, false
}
