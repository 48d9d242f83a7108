// Package publish holds the script behind `make publish`, and its tests.
package publish

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// TestScript runs testdata/script with the real AWS CLI against moto, each
// script with layers of its own names. ROOT is the source tree.
//
//	pack ZIP CONTENT
//
// makes a zip with one file.
func TestScript(t *testing.T) {
	bed, err := testbed.Open()
	require.NoError(t, err)
	testbed.NeedTool(t, "make")
	testbed.NeedTool(t, "openssl")
	aws, err := bed.AWSTool(t.Context(), "aws")
	testbed.NeedErr(t, err)
	root, err := layers.SourceTree(t.Context())
	require.NoError(t, err)
	// What only other programs read, go test would not see a change of.
	require.FileExists(t, "publish.sh")
	require.FileExists(t, filepath.Join(root, "Makefile"))
	moto := testbed.NeedMoto(t, bed)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			for _, v := range moto {
				name, value, _ := strings.Cut(v, "=")
				env.Setenv(name, value)
			}
			env.Setenv("ROOT", root)
			env.Setenv("HOME", os.Getenv("HOME")) // Go's caches
			env.Setenv("GRAFT_CACHE", bed.Cache)
			env.Setenv("PATH", filepath.Dir(aws)+string(os.PathListSeparator)+os.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"pack": pack},
	})
}

func pack(ts *testscript.TestScript, _ bool, args []string) {
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	entry, err := w.Create("file")
	ts.Check(err)
	_, err = io.WriteString(entry, args[1])
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file.Bytes(), 0o644))
}
