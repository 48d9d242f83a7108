//go:build linux

package local

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A freezer is a way to freeze processes by a cgroup, with the files of the
// cgroup that it goes by.
type freezer struct {
	fstype       string // of its hierarchy
	controller   string // that the hierarchy must have
	control      string // the file to write to
	freeze, thaw string // and what to
	state        string // the file that tells
	frozen       string // what is a line of it when all are frozen
}

// freezers are those that there are, the better one first. That of version 1
// freezes a process that sleeps where it is; that of version 2 wakes it up for
// it, so that it can see a system call interrupted. Neither sends a signal that
// a process could see.
var freezers = []freezer{
	{"cgroup", "freezer", "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN"},
	{"cgroup2", "", "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1"},
}

// A cgroup freezes processes. What is frozen by version 1 outlives even SIGKILL
// until it is thawed, so the keeper of the stage sees to that too.
type cgroup struct {
	freezer
	dir string
}

// newCgroup makes a cgroup below that of this process, for the first of the
// freezers for which it may; only tells which of them to try, nil all. Nil
// means that there is none.
func newCgroup(only []string) *cgroup {
	for _, f := range freezers {
		parent := f.parent()
		if parent == "" || only != nil && !slices.Contains(only, f.fstype) {
			continue
		}
		dir, err := os.MkdirTemp(parent, "graft-")
		if err != nil {
			continue
		}
		c := &cgroup{f, dir}
		if c.write(f.control, f.thaw) == nil {
			return c
		}
		c.remove()
	}
	return nil
}

// parent returns the folder of the cgroup that this process is in, or "".
func (f freezer) parent() string {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(own)) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(part) != 3 || !slices.Contains(strings.Split(part[1], ","), f.controller) {
			continue
		}
		for mount := range strings.Lines(string(mounts)) {
			before, after, _ := strings.Cut(mount, " - ")
			what, where := strings.Fields(after), strings.Fields(before)
			if len(what) < 3 || len(where) < 5 || what[0] != f.fstype ||
				f.controller != "" && !slices.Contains(strings.Split(what[2], ","), f.controller) {
				continue
			}
			if rest, err := filepath.Rel(where[3], part[2]); err == nil && filepath.IsLocal(rest) {
				return filepath.Join(where[4], rest)
			}
		}
	}
	return ""
}

func (c *cgroup) write(file, text string) error {
	// Not to create one where there is no such control.
	f, err := os.OpenFile(filepath.Join(c.dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// stop freezes the processes that pids returns, and returns when all are frozen
// and there are no others.
func (c *cgroup) stop(pids func() []int) error {
	for bound := time.Now().Add(freezeBound); ; {
		// Each round sees what was forked behind the back of the one before; what
		// a process in the cgroup forks is in it.
		in, all := c.processes(), true
		for _, pid := range pids() {
			if !slices.Contains(in, pid) {
				all = false
				if err := c.write("cgroup.procs", strconv.Itoa(pid)); err != nil && !errors.Is(err, unix.ESRCH) {
					return err
				}
			}
		}
		if err := c.write(c.control, c.freeze); err != nil {
			return err
		}
		if all && c.stopped() {
			return nil
		}
		if time.Now().After(bound) {
			return errStillRunning
		}
		time.Sleep(time.Millisecond)
	}
}

func (c *cgroup) stopped() bool {
	state, _ := os.ReadFile(filepath.Join(c.dir, c.state))
	return slices.Contains(strings.Split(string(state), "\n"), c.frozen)
}

func (c *cgroup) processes() (pids []int) {
	list, _ := os.ReadFile(filepath.Join(c.dir, "cgroup.procs"))
	for field := range bytes.FieldsSeq(list) {
		if pid, err := strconv.Atoi(string(field)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// resume lets the processes go on.
func (c *cgroup) resume() { _ = c.write(c.control, c.thaw) }

// remove takes the cgroup away, in which nothing is left but what is ending. It
// does nothing if that has been done.
func (c *cgroup) remove() {
	for bound := time.Now().Add(killBound); ; time.Sleep(time.Millisecond) {
		if err := os.Remove(c.dir); !errors.Is(err, unix.EBUSY) || time.Now().After(bound) {
			return
		}
	}
}

// clear kills what is in the cgroup and takes it away. It is for when the stage
// has ended without doing so.
func (c *cgroup) clear() {
	c.resume()
	for _, pid := range c.processes() {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	c.remove()
}
