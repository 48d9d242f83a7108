package inject_test

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/internal/testbed"
)

// A planCase is what a plan is made of.
type planCase struct {
	process   inject.Process
	machine   inject.Machine
	fragments []fragment.Fragment
	// problems are the fragments that could not be read.
	problems []fragment.Problem
}

// plan plans as the wrapper does.
func (c planCase) plan() inject.Plan {
	s, _ := fragment.ParseSettings(c.process.Env.Lookup)
	return inject.New(c.process, c.fragments, s, inject.Detect(c.process, s, c.machine), c.machine)
}

// onResult is the case of a second run of graft, on the result of plan.
func (c planCase) onResult(plan inject.Plan) planCase {
	c.process = plan.Apply(c.process)
	return c
}

// layerFiles are what graft's own layer has in every case.
var layerFiles = []string{
	"/opt/graft mode=755",
	"/opt/graft-python/sitecustomize.py",
	"/opt/graft-run/java mode=755", "/opt/graft-run/node mode=755", "/opt/graft-run/dotnet mode=755",
	"/opt/graft-run/python3.12 mode=755", "/opt/graft-run/ruby mode=755",
}

// readCase reads the input part of a txtar archive:
//
//	argv       one argument per line
//	env        one entry per line
//	settings   optional: "cwd DIR", "arch arm64"
//	files      optional: one per line, see [addFile]
//	any other  a file with its text, under /; its mode may stand in files
//
// A line that starts with a double quote is a Go string.
func readCase(t testing.TB, ar *txtar.Archive) planCase {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, line := range layerFiles {
		require.NoError(t, addFile(fsys, line))
	}
	c := planCase{machine: inject.Machine{Root: fsys, Dir: "/var/task", Arch: "amd64", Self: "/opt/graft"}}
	for _, f := range ar.Files {
		switch {
		case f.Name == "argv":
			c.process.Argv = lines(t, f.Data)
		case f.Name == "env":
			c.process.Env = lines(t, f.Data)
		case f.Name == "settings":
			for _, line := range lines(t, f.Data) {
				switch name, value, _ := strings.Cut(line, " "); name {
				case "cwd":
					c.machine.Dir = value
				case "arch":
					c.machine.Arch = value
				default:
					t.Fatalf("settings: %q", line)
				}
			}
		case f.Name == "files":
			for _, line := range lines(t, f.Data) {
				require.NoError(t, addFile(fsys, line))
			}
		case strings.HasPrefix(f.Name, "want/"):
		default:
			if fsys[f.Name] == nil {
				fsys[f.Name] = &fstest.MapFile{Mode: 0o644}
			}
			fsys[f.Name].Data = f.Data
		}
	}
	require.NotEmpty(t, c.process.Argv)
	c.fragments, c.problems = fragment.ReadDir(fsys, fragment.Dir)
	return c
}

// addFile adds what one line says to fsys:
//
//	/a/file             an empty file
//	/a/file mode=755    an executable one
//	/a/file -> target   a symbolic link
//	/a/lib.so elf=arm64 a native library; with interp=PATH a program
//	/a/fifo mode=fifo   no regular file
//	/a/dir/             a folder
//	-/a/file            not there, though the layer brings it
func addFile(fsys fstest.MapFS, line string) error {
	if gone, ok := strings.CutPrefix(line, "-"); ok {
		delete(fsys, fragment.Rel(gone))
		return nil
	}
	if name, target, ok := strings.Cut(line, " -> "); ok {
		fsys[fragment.Rel(name)] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
		return nil
	}
	words := strings.Fields(line)
	f := &fstest.MapFile{Mode: 0o644}
	if strings.HasSuffix(words[0], "/") {
		f.Mode = fs.ModeDir | 0o755
	}
	arch, interp := "", ""
	for _, w := range words[1:] {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "mode":
			if value == "fifo" {
				f.Mode = fs.ModeNamedPipe | 0o644
				continue
			}
			mode, err := strconv.ParseUint(value, 8, 32)
			if err != nil {
				return err
			}
			f.Mode = fs.FileMode(mode)
		case "elf":
			arch = value
		case "interp":
			interp = value
		default:
			return fmt.Errorf("files: %q", line)
		}
	}
	if arch != "" {
		f.Data = testbed.Object(elf.ET_DYN, native.Machine(arch), interp)
	}
	if old := fsys[fragment.Rel(words[0])]; old != nil && arch == "" {
		f.Data = old.Data
	}
	fsys[fragment.Rel(words[0])] = f
	return nil
}

// lines takes a section apart.
func lines(t testing.TB, data []byte) []string {
	var list []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, `"`) {
			var err error
			line, err = strconv.Unquote(line)
			require.NoError(t, err)
		}
		list = append(list, line)
	}
	return list
}

// section puts one together.
func section(list []string) []byte {
	var b strings.Builder
	for _, s := range list {
		if s == "" || s[0] == '"' || strings.ContainsAny(s, "\n\r\t") {
			s = strconv.Quote(s)
		}
		b.WriteString(s + "\n")
	}
	return []byte(b.String())
}

// result is the outcome of a plan as the sections of a txtar archive.
func (c planCase) result(plan inject.Plan) []txtar.File {
	form := map[inject.Form]string{inject.Binary: "binary", inject.Interpreter: "interpreter", inject.Script: "script"}
	after := plan.Apply(c.process)
	var edits, skips, notes, wrappers, problems []string
	for _, e := range plan.Edits {
		edits = append(edits, describe(e))
	}
	for _, s := range plan.Skips {
		skips = append(skips, strings.TrimPrefix(s.Agent+": "+s.Why, ": "))
	}
	for _, n := range plan.Notes {
		notes = append(notes, n.Agent+": "+n.Text)
	}
	for _, w := range plan.Wrappers {
		wrappers = append(wrappers, strings.TrimPrefix(w.Agent+": "+w.Path, ": "))
	}
	for _, p := range c.problems {
		problems = append(problems, p.Err.Error())
	}
	rt := fmt.Sprintf("%s %s, %s", plan.Runtime.Language, plan.Runtime.Version, form[plan.Runtime.Form])
	files := []txtar.File{{Name: "want/runtime", Data: section([]string{rt, "agents: " + strings.Join(plan.Agents, ", ")})}}
	for _, s := range []struct {
		name string
		list []string
	}{
		{"problems", problems}, {"skips", skips}, {"notes", notes}, {"edits", edits}, {"wrappers", wrappers},
		{"argv", after.Argv}, {"env", after.Env},
	} {
		if len(s.list) > 0 {
			files = append(files, txtar.File{Name: "want/" + s.name, Data: section(s.list)})
		}
	}
	return files
}

func describe(e inject.Edit) string {
	agent := e.Agent
	if agent == "" {
		agent = "graft"
	}
	s := agent + ": " + e.Kind.String()
	switch e.Kind {
	case inject.InsertArgument, inject.ReplaceArgument, inject.RemoveArgument:
		s += fmt.Sprintf(" at %d", e.At)
	}
	if e.Name != "" {
		s += " " + e.Name
	}
	if e.Added != "" {
		s += ": " + e.Added
	}
	if e.Why != "" {
		s += " (" + e.Why + ")"
	}
	return s
}

// readArchive reads one of the cases.
func readArchive(t testing.TB, file string) *txtar.Archive {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return txtar.Parse(data)
}

func caseName(file string) string { return strings.TrimSuffix(path.Base(file), ".txtar") }
