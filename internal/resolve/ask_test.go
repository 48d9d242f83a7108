//go:build linux

package resolve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/resolve"
)

// patient is longer than anything here takes.
const patient = time.Minute

// program writes a graft-secrets of a few words of shell.
func program(t *testing.T, text string) string {
	file := filepath.Join(t.TempDir(), "graft-secrets")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755))
	return file
}

func TestAskProgram(t *testing.T) {
	t.Parallel()
	value := func(s string) reference.Answer { return reference.Answer{Value: s} }
	problem := func(s string) reference.Answer { return reference.Answer{Problem: "PROGRAM: " + s} }
	for _, c := range []struct {
		name, text string
		limit      time.Duration
		want       []reference.Answer
	}{
		{"whole", `printf '=a\0=b\0' >&3`, patient, []reference.Answer{value("a"), value("b")}},
		{"in pieces", `printf '=' >&3; printf 'a\0=' >&3; printf 'b\0' >&3`, patient, []reference.Answer{value("a"), value("b")}},
		{"and lives on", `printf '=a\0=b\0' >&3; exec sleep 1000`, patient, []reference.Answer{value("a"), value("b")}},
		{"and its child lives on", `printf '=a\0=b\0' >&3; sleep 1000 & wait`, patient, []reference.Answer{value("a"), value("b")}},
		{"more than asked for", `printf '=a\0=b\0=c\0' >&3`, patient, []reference.Answer{value("a"), value("b")}},
		{"the first only", `printf '=a\0' >&3`, patient, []reference.Answer{value("a"), problem("ended without an answer")}},
		{"the second is cut off", `printf '=a\0=b' >&3`, patient, []reference.Answer{value("a"), problem("ended without an answer")}},
		{"a note alone", `printf -- '-a\0' >&3`, patient, []reference.Answer{problem("ended without an answer"), problem("ended without an answer")}},
		{"an empty record", `printf '=a\0\0=b\0' >&3`, patient, []reference.Answer{value("a"), problem("answered with an empty record")}},
		{"nonsense", `printf 'hunter2\0' >&3`, patient, []reference.Answer{problem(`answered with an unknown record "h"`), problem(`answered with an unknown record "h"`)}},
		{"without an end", `printf '=a\0=' >&3; exec cat /dev/zero | tr '\0' x >&3`, patient, []reference.Answer{value("a"), problem("ended without an answer")}},
		{"on standard output", `echo '=a'; printf '=a\0=b\0' >&1 2>/dev/null >/dev/null`, patient, []reference.Answer{problem("ended without an answer"), problem("ended without an answer")}},
		{"in a session of its own", `printf '=a\0' >&3; exec setsid -w sleep 2`, time.Millisecond, []reference.Answer{value("a"), problem("no answer after 1.001s")}},
		{"silent", `exec sleep 1000`, time.Millisecond, []reference.Answer{problem("no answer after 1.001s"), problem("no answer after 1.001s")}},
		{"deaf to signals", `trap '' TERM INT HUP; while :; do sleep 1000; done`, time.Millisecond, []reference.Answer{problem("no answer after 1.001s"), problem("no answer after 1.001s")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := program(t, c.text)
			for i := range c.want {
				c.want[i].Problem = strings.ReplaceAll(c.want[i].Problem, "PROGRAM", file)
			}
			// More than a pipe holds: it need not be read.
			questions := []string{"ref+file://" + strings.Repeat("x", 1<<20), "ref+file://b"}
			assert.Equal(t, c.want, resolve.AskProgram(file, os.Environ(), questions, c.limit))
		})
	}
}

// TestAskLeavesNothing: no child, no descriptor.
func TestAskLeavesNothing(t *testing.T) {
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(entries)
	}
	file := program(t, `printf '=%s\0' "$$" >&3; sleep 1000 & wait`)
	before := open()
	for range 10 {
		answers := resolve.AskProgram(file, os.Environ(), []string{"ref+file://x"}, patient)
		assert.Empty(t, answers[0].Problem)
		var pid int
		_, err := fmt.Sscan(answers[0].Value, &pid)
		require.NoError(t, err)
		assert.ErrorIs(t, unix.Kill(pid, 0), unix.ESRCH)
	}
	assert.Equal(t, before, open())
}
