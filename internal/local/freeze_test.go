//go:build linux

package local_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/local"
)

// frozen tells whether the process is stopped, or in a frozen cgroup.
func frozen(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	if strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[0] == "T" {
		return true
	}
	state, _ := os.ReadFile(filepath.Join(cgroupOf(t, pid), "freezer.state"))
	events, _ := os.ReadFile(filepath.Join(cgroupOf(t, pid), "cgroup.events"))
	return string(state) == "FROZEN\n" || strings.Contains(string(events), "frozen 1\n")
}

// cgroupOf returns the folder of the cgroup that graft made for the process, or "".
func cgroupOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	require.NoError(t, err)
	_, name, ok := strings.Cut(string(text), "/graft-")
	if !ok {
		return ""
	}
	name, _, _ = strings.Cut("graft-"+name, "\n")
	found, err := filepath.Glob("/sys/fs/cgroup/*/" + name)
	require.NoError(t, err)
	if len(found) == 0 {
		found, err = filepath.Glob("/sys/fs/cgroup/" + name)
		require.NoError(t, err)
	}
	require.Len(t, found, 1)
	return found[0]
}

// In each way there is, all processes are frozen between invocations, and only
// signals can be noticed.
func TestFreeze(t *testing.T) {
	t.Parallel()
	for _, fstype := range []string{"cgroup", "cgroup2", ""} {
		t.Run("by "+fstype, func(t *testing.T) {
			t.Parallel()
			var o outputs
			f := with(t, &o, map[string]string{"x": `setsid bash -c 'while :; do read <> <(:); done' & echo $!; echo $$; ` + both})
			f.Command, f.Mounts = []string{"/bin/bash", "-c", `trap 'echo continued' CONT; ` + bashClient + `while next; do answer "$event"; done`}, nil
			f.Stdout = o.writer("runtime")
			f.Freeze = true
			local.FreezeBy(&f, fstype)
			e := start(t, f)
			dir := cgroupOf(t, e.PID())
			if fstype != "" && dir == "" {
				unavailable(t, "freezing by "+fstype)
			}
			for i := range 3 {
				assert.Equal(t, local.PhaseFrozen, e.Phase())
				for _, pid := range append(o.lines("x")[:2], strconv.Itoa(e.PID())) {
					n, err := strconv.Atoi(pid)
					require.NoError(t, err)
					assert.True(t, frozen(t, n))
				}
				r, err := e.Invoke(bounded(t), []byte(strconv.Itoa(i)))
				require.NoError(t, err)
				assert.Equal(t, strconv.Itoa(i), string(r.Body))
			}
			require.NoError(t, e.Stop(context.Background()))
			assert.Equal(t, []string{"spindown"}, shutdowns(o.lines("x")))
			assert.Equal(t, fstype == "", len(o.lines("runtime")) > 0, o.lines("runtime"))
			if dir != "" {
				assert.NoDirExists(t, dir)
			}
		})
	}
}

// Whoever freezes is killed: what is frozen ends, and its cgroup with it.
func TestFrozenOrphan(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Parallel()
	for _, fstype := range []string{"cgroup", "cgroup2", ""} {
		t.Run("by "+fstype, func(t *testing.T) {
			t.Parallel()
			cmd := self(t, "frozen-orphan", fstype)
			stdin, err := cmd.StdinPipe()
			require.NoError(t, err)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			line, err := bufio.NewReader(stdout).ReadString('\n')
			require.NoError(t, err)
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			require.NoError(t, err)
			dir := cgroupOf(t, pid)
			assert.True(t, frozen(t, pid))
			fd, err := unix.PidfdOpen(pid, 0)
			require.NoError(t, err)
			defer unix.Close(fd)
			require.NoError(t, stdin.Close())
			_ = cmd.Wait()
			for {
				n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(deadline.Milliseconds()))
				if err == unix.EINTR {
					continue
				}
				require.NoError(t, err)
				require.Equal(t, 1, n, "process %d does not end", pid)
				break
			}
			if dir != "" {
				require.Eventually(t, func() bool {
					_, err := os.Stat(dir)
					return os.IsNotExist(err)
				}, deadline, deadline/10000)
			}
		})
	}
}

// frozenOrphan starts a function, tells its process id, and is killed while it
// is frozen.
func frozenOrphan() {
	f := local.Function{Command: []string{"/bin/bash", "-c", bashClient + `next`}, Freeze: true}
	local.FreezeBy(&f, os.Args[1])
	e, err := local.Start(context.Background(), f)
	if err != nil {
		panic(err)
	}
	fmt.Println(e.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
}
