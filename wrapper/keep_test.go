//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// environment runs cat behind the command and returns the environment that it
// was given, as the kernel has it.
func environment(t *testing.T, f local.Function, command ...string) []string {
	t.Helper()
	var out, errs bytes.Buffer
	f.Stdout, f.Stderr = &out, &errs
	f.Command = append(command, "/bin/cat", "/proc/self/environ")
	exit, err := local.Run(bounded, f)
	require.NoError(t, err)
	require.Equal(t, local.Exit{}, exit, errs.String())
	require.Empty(t, errs.String())
	return strings.Split(strings.TrimSuffix(out.String(), "\x00"), "\x00")
}

// layer returns a folder with the wrapper and these files.
func layer(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	program, err := os.ReadFile(wrapperFor(t, runtime.GOARCH))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "graft"), program, 0o755))
	testbed.Write(t, dir, 0o644, files)
	return dir
}

// TestKeepsEnvironment compares, byte for byte and in order, what a program
// finds with and without the wrapper.
func TestKeepsEnvironment(t *testing.T) {
	needIsolation(t)
	odd := []string{
		"A=1",
		"TWICE=first",
		"NO_EQUALS_SIGN",
		"=",
		"=C:=no name",
		"EMPTY=",
		"BYTES=\xff\xfe\x80\x01\n\t\r\x7f ü",
		"QUOTES='\"$HOME\\",
		"TWICE=second",
		"A.b-c d=no shell's name",
		"NODE_OPTIONS=\xff \"open",
		"TWICE",
		"",
		"PATH=/usr/bin:/bin::",
		"Z=last",
	}
	tests := []struct {
		name      string
		fragments map[string]string
		env       []string
		want      func(direct []string) []string
	}{
		{name: "nothing to do", env: odd},
		{
			name:      "variables are added behind",
			fragments: map[string]string{"graft.d/50-otel.env": "OTEL=1\nA=2\nNODE_OPTIONS=--require /opt/x.js\n"},
			env:       odd,
			want:      func(direct []string) []string { return append(direct, "OTEL=1") },
		},
		{
			name:      "a list grows in its place",
			fragments: map[string]string{"graft.d/50-otel.env": "PATH=/opt\n"},
			env:       odd,
			want: func(direct []string) []string {
				direct[slices.Index(direct, "PATH=/usr/bin:/bin::")] += ":/opt"
				return direct
			},
		},
		{
			name:      "of two entries the first counts and the second stays",
			fragments: map[string]string{"graft.d/50-otel.env": "OTEL_RESOURCE_ATTRIBUTES=c=3\n"},
			env:       []string{"OTEL_RESOURCE_ATTRIBUTES=a=1", "OTEL_RESOURCE_ATTRIBUTES=b=2"},
			want: func(direct []string) []string {
				direct[slices.Index(direct, "OTEL_RESOURCE_ATTRIBUTES=a=1")] += ",c=3"
				return direct
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := local.Function{
				Layers: []string{layer(t, test.fragments)},
				// The one variable that is different each time.
				Env: append([]string{"AWS_LAMBDA_LOG_STREAM_NAME=s"}, test.env...),
			}
			want := environment(t, f)
			require.Subset(t, want, test.env)
			if test.want != nil {
				want = test.want(want)
			}
			assert.Equal(t, want, environment(t, f, "/opt/graft"))
		})
	}
}

// TestKeepsArguments hands over arguments that a shell would not keep.
func TestKeepsArguments(t *testing.T) {
	needIsolation(t)
	args := []string{"", "a  b", "*", "\xff\n\x01", "--", "'\"$HOME\\", "-Dx=-Xshare:on", "/opt/graft"}
	var out, errs bytes.Buffer
	exit, err := local.Run(bounded, local.Function{
		Layers:  []string{layer(t, map[string]string{"graft.d/50-otel.env": "OTEL=1\n"})},
		Command: append([]string{"/opt/graft", "/usr/bin/printf", `%s\0`}, args...),
		Stdout:  &out, Stderr: &errs,
	})
	require.NoError(t, err)
	require.Equal(t, local.Exit{}, exit)
	assert.Empty(t, errs.String())
	assert.Equal(t, append(args, ""), strings.Split(out.String(), "\x00"))
}
