package fragment_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
)

// ownNames are variables that graft itself sets, and nobody else.
var ownNames = []string{"GRAFT_CHAIN", "GRAFT_PYTHONPATH", "GRAFT_RESOLVED"}

// TestNames holds the two lists to all that the programs read: a name that is
// in neither is one that graft check calls a mistake.
func TestNames(t *testing.T) {
	known := slices.Concat(fragment.SettingNames, fragment.DirectiveNames, ownNames)
	literal := regexp.MustCompile(`"(GRAFT_[A-Z_]*[A-Z])"`)
	read := map[string]bool{}
	for _, dir := range []string{"..", "../../wrapper"} {
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || name == "fragment/names.go" {
				return err
			}
			data, err := os.ReadFile(filepath.Join(dir, name))
			for _, found := range literal.FindAllStringSubmatch(string(data), -1) {
				read[found[1]] = true
				assert.Contains(t, known, found[1], name)
			}
			return err
		})
		require.NoError(t, err)
	}
	for _, name := range slices.Concat(fragment.SettingNames, fragment.DirectiveNames) {
		assert.True(t, read[name], "%s: nothing reads it", name)
	}
}

// TestNamesInFragments has every directive taken, and no setting that is none.
func TestNamesInFragments(t *testing.T) {
	for _, name := range slices.Concat(fragment.SettingNames, fragment.DirectiveNames) {
		_, err := fragment.Parse("f", "f", []byte(name+"=x\n"))
		unknown := err != nil && strings.HasSuffix(err.Error(), "is not a directive for a fragment")
		assert.Equal(t, slices.Contains(fragment.DirectiveNames, name), !unknown, name)
	}
}

// TestNamesInREADME: what the tables there name is known.
func TestNamesInREADME(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `(GRAFT_[A-Z_]+)` \\|").FindAllStringSubmatch(string(data), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		assert.Contains(t, slices.Concat(fragment.SettingNames, fragment.DirectiveNames), row[1])
	}
}
