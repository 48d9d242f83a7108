package inject_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the results into testdata/plan")

// TestPlan runs the cases in testdata/plan: a comment that says what the case
// shows, the input, and under want/ the whole result. Every case must keep the
// promises, too.
func TestPlan(t *testing.T) {
	files, err := filepath.Glob("testdata/plan/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(caseName(file), func(t *testing.T) {
			t.Parallel()
			ar := readArchive(t, file)
			assert.NotEmpty(t, strings.TrimSpace(string(ar.Comment)), "a comment says what the case shows")
			c := readCase(t, ar)
			plan := c.plan()
			checkPromises(t, c, plan)
			got := txtar.Archive{Comment: ar.Comment}
			for _, f := range ar.Files {
				if !strings.HasPrefix(f.Name, "want/") {
					got.Files = append(got.Files, f)
				}
			}
			got.Files = append(got.Files, c.result(plan)...)
			if *update {
				if text := txtar.Format(&got); !bytes.Equal(text, txtar.Format(ar)) {
					require.NoError(t, os.WriteFile(file, text, 0o644))
				}
				return
			}
			assert.Equal(t, string(txtar.Format(ar)), string(txtar.Format(&got)))
		})
	}
}
