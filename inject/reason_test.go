package inject

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/testbed"
)

// shutFS has files that may not be read.
type shutFS struct{ fstest.MapFS }

func (f shutFS) Open(name string) (fs.File, error) {
	if name == "opt/shut" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.Open(name)
}

func TestSkipReason(t *testing.T) {
	file := func(text string, mode fs.FileMode) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(text), Mode: mode}
	}
	c := &check{
		Machine: Machine{Arch: "amd64", Root: shutFS{fstest.MapFS{
			"opt/dir":    {Mode: fs.ModeDir | 0o755},
			"opt/fifo":   {Mode: fs.ModeNamedPipe | 0o755},
			"opt/shut":   file("", 0),
			"opt/plain":  file("", 0o644),
			"opt/crlf":   file("#!/bin/sh\r\n", 0o755),
			"opt/alone":  file("#!/opt/none\n", 0o755),
			"opt/arm.so": file(string(testbed.Object(elf.ET_DYN, elf.EM_AARCH64, "")), 0o644),
		}}},
		rt: Runtime{Language: fragment.Java},
	}
	for _, test := range []struct {
		err  error
		want Skip
	}{
		{c.loadable("/opt/none"), Skip{Why: "/opt/none: no such file", Reason: MissingFile, File: "/opt/none"}},
		{c.loadable("/opt/dir"), Skip{Why: "/opt/dir: is a directory", Reason: MissingFile, File: "/opt/dir"}},
		{c.loadable("/opt/fifo"), Skip{Why: "/opt/fifo: not a regular file", Reason: MissingFile, File: "/opt/fifo"}},
		{c.loadable("/opt/shut"), Skip{Why: "/opt/shut: permission denied", Reason: UnreadableFile, File: "/opt/shut"}},
		{c.loadable("opt/none"), Skip{Why: `"opt/none" is a relative path: it would change its meaning with the working directory`}},
		{fmt.Errorf("GRAFT_ARGS: %w", c.loadable("/opt/none")), Skip{Why: "GRAFT_ARGS: /opt/none: no such file", Reason: MissingFile, File: "/opt/none"}},
		{c.executable("/opt/plain"), Skip{Why: "/opt/plain: is not executable", Reason: NotExecutable, File: "/opt/plain"}},
		{c.executable("/opt/crlf"), Skip{Why: "/opt/crlf: its first line ends with CRLF: save it with LF", Reason: LineEndCRLF, File: "/opt/crlf"}},
		{c.executable("/opt/alone"), Skip{Why: "/opt/alone: its interpreter /opt/none: no such file", Reason: MissingInterpreter, File: "/opt/alone"}},
		{c.library("/opt/plain"), Skip{Why: "/opt/plain: is no ELF file", File: "/opt/plain"}},
		{c.library("/opt/arm.so"), Skip{Why: "/opt/arm.so: is for arm64, this is x86_64", Reason: WrongArch, File: "/opt/arm.so"}},
		{c.libraryNamed("liba.so"), Skip{Why: "liba.so: no such library beside the runtime or in LD_LIBRARY_PATH", Reason: NotFound}},
		{c.nodeRequire("a"), Skip{Why: "a: no such package in node_modules or NODE_PATH", Reason: NotFound}},
	} {
		var plan Plan
		plan.skip("", test.err)
		assert.Equal(t, []Skip{test.want}, plan.Skips)
	}
}
