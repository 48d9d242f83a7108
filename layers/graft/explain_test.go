package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/internal/testbed"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// secret is what no output may hold: the golden cases have it wherever the
// owner of a function could.
const secret = "hunter2"

// TestExplainGolden runs graft explain as each archive says:
//
//	args         one argument per line
//	native       optional: "FILE ARCH" per line, a native library
//	zip          optional: "FILE FOLDER" per line, a zip of a folder
//	any other    a file, or a folder if it ends with /; a file that begins with
//	             #! can be executed
//	want/status  the exit status, want/stdout and want/stderr the output
func TestExplainGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/explain/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, file := range cases {
		file, err := filepath.Abs(file)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			require.NoError(t, err)
			t.Chdir(t.TempDir())
			args := lay(t, ar)

			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"explain"}, args...), &stdout, &stderr)
			assert.NotContains(t, stdout.String()+stderr.String(), secret)
			got := []txtar.File{{Name: "want/status", Data: fmt.Appendln(nil, code)}}
			for _, f := range []txtar.File{{Name: "want/stdout", Data: stdout.Bytes()}, {Name: "want/stderr", Data: stderr.Bytes()}} {
				if len(f.Data) > 0 {
					got = append(got, f)
				}
			}
			var want []txtar.File
			kept := ar.Files[:0:0]
			for _, f := range ar.Files {
				if strings.HasPrefix(f.Name, "want/") {
					want = append(want, f)
				} else {
					kept = append(kept, f)
				}
			}
			if *update {
				ar.Files = append(kept, got...)
				require.NoError(t, os.WriteFile(file, txtar.Format(ar), 0o644))
				return
			}
			assert.Equal(t, string(txtar.Format(&txtar.Archive{Files: want})), string(txtar.Format(&txtar.Archive{Files: got})))
		})
	}
}

// lay writes the files of an archive into the working directory and returns
// the arguments.
func lay(t *testing.T, ar *txtar.Archive) (args []string) {
	t.Helper()
	write := func(name string, data []byte, mode os.FileMode) {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, data, mode))
	}
	var zips [][]string
	for _, f := range ar.Files {
		switch {
		case f.Name == "args":
			args = strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
		case f.Name == "native":
			for line := range strings.Lines(string(f.Data)) {
				words := strings.Fields(line)
				write(words[0], testbed.Object(elf.ET_DYN, native.Machine(words[1]), ""), 0o644)
			}
		case f.Name == "zip":
			for line := range strings.Lines(string(f.Data)) {
				zips = append(zips, strings.Fields(line))
			}
		case strings.HasPrefix(f.Name, "want/"):
		case strings.HasSuffix(f.Name, "/"):
			require.NoError(t, os.MkdirAll(f.Name, 0o755))
		case bytes.HasPrefix(f.Data, []byte("#!")):
			write(f.Name, f.Data, 0o755)
		default:
			write(f.Name, f.Data, 0o644)
		}
	}
	for _, z := range zips {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		require.NoError(t, w.AddFS(os.DirFS(z[1])))
		require.NoError(t, w.Close())
		require.NoError(t, os.WriteFile(z[0], out.Bytes(), 0o644))
		require.NoError(t, os.RemoveAll(z[1]))
	}
	return args
}
