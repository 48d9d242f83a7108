// Package readme holds the tables of Markdown files that tests make. Such a
// table stands between two marks:
//
//	<!-- NAME: made by COMMAND -->
//	<!-- end of NAME -->
package readme

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Hold compares the part called name of a file with text, which ends with a
// newline. If update is set it writes the text there instead; command does so
// from the top of the source tree.
func Hold(t testing.TB, file, name, command, text string, update bool) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	begin, end := "<!-- "+name+": made by "+command+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok, "%s: no %s", file, begin)
	old, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s: no %s", file, end)
	if update {
		require.NoError(t, os.WriteFile(file, []byte(before+begin+text+end+after), 0o644))
		return
	}
	assert.Equal(t, old, text, "%s: %s", file, command)
}
