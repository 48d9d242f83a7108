package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testFlags() (*flag.FlagSet, *string) {
	flags := flag.NewFlagSet("graft test", flag.ContinueOnError)
	return flags, flags.String("a", "", "")
}

// TestOperands finds flags before, between and behind paths.
func TestOperands(t *testing.T) {
	for _, test := range []struct {
		args, paths []string
		a           string
	}{
		{nil, nil, ""},
		{[]string{"x", "y"}, []string{"x", "y"}, ""},
		{[]string{"--a", "1", "x"}, []string{"x"}, "1"},
		{[]string{"x", "--a", "1", "y"}, []string{"x", "y"}, "1"},
		{[]string{"x", "--a=1", "--", "--y", "z"}, []string{"x", "--y", "z"}, "1"},
		{[]string{"--a", "--", "x"}, []string{"x"}, "--"},
	} {
		flags, a := testFlags()
		paths, err := operands(flags, test.args, "", io.Discard)
		require.NoError(t, err)
		assert.Equal(t, test.paths, paths, "%q", test.args)
		assert.Equal(t, test.a, *a, "%q", test.args)
	}
	flags, _ := testFlags()
	_, err := operands(flags, []string{"x", "--b"}, "", io.Discard)
	assert.ErrorAs(t, err, new(usageError))
}

// TestCommandLine leaves what stands behind "--" alone, and takes nothing else
// for a command.
func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args, command []string
	}{
		{[]string{"--a", "1"}, []string{}},
		{[]string{"--a", "1", "--", "x", "--a", "--"}, []string{"x", "--a", "--"}},
		{[]string{"--", "--", "x"}, []string{"--", "x"}},
	} {
		flags, _ := testFlags()
		command, err := commandLine(flags, test.args, "", io.Discard)
		require.NoError(t, err)
		assert.Equal(t, test.command, command, "%q", test.args)
	}
	for _, args := range [][]string{{"x"}, {"--a", "1", "x", "--", "y"}} {
		flags, _ := testFlags()
		_, err := commandLine(flags, args, "", io.Discard)
		assert.EqualError(t, err, `"x" is no flag; a command stands behind --: graft test [FLAG…] -- COMMAND…`)
	}
}

// TestWrongFlag: the flag stands first, as in graft's own refusals.
func TestWrongFlag(t *testing.T) {
	for arg, want := range map[string]string{
		"--b":            "--b: no such flag",
		"-b":             "--b: no such flag",
		"--b=1":          "--b: no such flag",
		"--a":            "--a: needs a value",
		"--count=x":      `--count: "x": want a whole number`,
		"--count=\"x: y": `--count: "\"x: y": want a whole number`,
		"--coutn=1":      "--coutn: no such flag: is --count meant?",
		"--yes=maybe":    `--yes: "maybe": takes no value, or true or false`,
		"---a":           "bad flag syntax: ---a",
	} {
		flags, _ := testFlags()
		flags.Int("count", 1, "")
		flags.Bool("yes", false, "")
		assert.EqualError(t, parse(flags, []string{arg}, "", io.Discard), want+"; graft test -h lists the flags", arg)
	}
}

// TestUntilDone ends with its context, whatever it is doing.
func TestUntilDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	go func() {
		<-began
		cancel()
	}()
	assert.ErrorIs(t, untilDone(ctx, func() error {
		close(began)
		<-end
		return nil
	}), context.Canceled)
	oh := errors.New("oh")
	assert.Equal(t, oh, untilDone(t.Context(), func() error { return oh }))
}
