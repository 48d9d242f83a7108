//go:build linux

package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/local"
)

// A report is what the program "nobody" found.
type report struct {
	UID        int
	Init       string // what failed
	NotAllowed bool
	Body       string
	Layers     string
	Extension  bool
	Other      string // error of a function as somebody else
	Gone       bool
}

// The whole way without root: this binary, as a user that owns nothing,
// through a user namespace.
func TestWithoutRoot(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir, err := os.MkdirTemp("", "graft-local-test-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777))
	cmd := self(t, "nobody", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	text, err := cmd.Output()
	require.NoError(t, err)
	var got report
	require.NoError(t, json.Unmarshal(text, &got))
	if got.NotAllowed {
		unavailable(t, "user namespaces are not allowed here: "+got.Init)
	}
	assert.Equal(t, report{
		UID:       65534,
		Body:      `"hello"`,
		Layers:    "65534:65534 0000000000000000\n-rw-r--r-- 1\n-rwxr-xr-x 2\ndrwxr-xr-x both\nread-only\n",
		Extension: true,
		Other:     "run as 1:0: operation not permitted; run as root to start a function as another user",
		Gone:      true,
	}, got)
}

// nobody tries the package and reports.
func nobody() {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	dir := os.Args[1]
	for name, text := range map[string]string{"1/both/one": "1", "2/both/two": "2"} {
		must(os.MkdirAll(dir+"/"+name[:6], 0o755))
		must(os.WriteFile(dir+"/"+name, []byte(text), 0o644))
	}
	must(os.Chmod(dir+"/2/both/two", 0o755))
	result := report{UID: os.Getuid()}
	defer func() { must(json.NewEncoder(os.Stdout).Encode(result)) }()

	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var extension buffer
	f := local.Function{
		Command: []string{"/var/runtime/bootstrap"},
		// By this path, since the folder of the binary is closed to others.
		Mounts:  []local.Mount{{Source: copySelf(dir), Target: "/var/runtime/bootstrap"}, {Source: dir + "/bootstrap", Target: "/opt/extensions/go-ext"}},
		Timeout: deadline, Freeze: true,
		ExtensionOutput: func(string) io.Writer { return &extension },
	}
	e, err := local.Start(ctx, f)
	if err != nil {
		var notAllowed *local.NotAllowedError
		result.Init, result.NotAllowed = err.Error(), errors.As(err, &notAllowed)
		return
	}
	r, err := e.Invoke(ctx, []byte(`{"Do":"echo","Arg":"hello"}`))
	must(err)
	result.Body = string(r.Body)
	must(e.Stop(ctx))
	result.Extension = strings.Contains(extension.String(), "65534") && strings.Contains(extension.String(), "spindown")
	result.Gone = errors.Is(unix.Kill(e.PID(), 0), unix.ESRCH)

	var stdout buffer
	_, err = local.Run(ctx, local.Function{
		Command: []string{"/bin/bash", "-c", `
			echo "$(id -u):$(id -g) $(sed -n 's/^CapEff:\t//p' /proc/self/status)"
			cd /opt/both; for f in *; do echo "$(stat -c %A $f) $(cat $f)"; done
			stat -c '%A %n' /opt/both | sed s,/opt/,,; touch /opt/x 2>/dev/null || echo read-only`},
		Layers: []string{dir + "/1", dir + "/2"}, Stdout: &stdout, Stderr: os.Stderr,
	})
	must(err)
	result.Layers = stdout.String()
	_, err = local.Run(ctx, local.Function{Command: []string{"true"}, UID: 1})
	result.Other = fmt.Sprint(err)
}

// copySelf copies this binary into dir.
func copySelf(dir string) string {
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	name := dir + "/bootstrap"
	if err := os.WriteFile(name, text, 0o755); err != nil {
		panic(err)
	}
	return name
}

// A machine that allows nothing is made here: a user namespace in which there
// may be no further one, and a process in it without capabilities.
func TestNotAllowed(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	cmd := self(t, "forbidden", "prepare")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	text, err := cmd.Output()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		unavailable(t, "user namespaces are not allowed here: "+err.Error())
	}
	require.NoError(t, err)
	got := string(text)
	assert.True(t, strings.HasPrefix(got, "*local.NotAllowedError mount namespace: "), got)
	assert.Contains(t, got, "no space left on device; run as root with CAP_SYS_ADMIN, or allow user namespaces: user.max_user_namespaces above 0")
}

func forbidden() {
	if os.Args[1] == "prepare" {
		runtime.LockOSThread()
		if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
			panic(err)
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil {
			panic(err)
		}
		panic(syscall.Exec("/proc/self/exe", []string{"forbidden", "try"}, nil))
	}
	_, err := local.Run(context.Background(), local.Function{Command: []string{"true"}})
	var notAllowed *local.NotAllowedError
	if errors.As(err, &notAllowed) {
		err = notAllowed
	}
	fmt.Printf("%T %v\n", err, err)
}
