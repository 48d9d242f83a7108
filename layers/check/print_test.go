package check_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers/check"
)

// TestPrint has the same text with colours and without, in lines that a
// terminal shows as they are.
func TestPrint(t *testing.T) {
	path := "/opt/" + strings.Repeat("long/", 20)
	report := check.Report{Files: 2, Findings: []check.Finding{
		{Code: "a", Severity: check.Error, Path: "layer/a", Line: 3, Message: "is wrong", Fix: "mend it"},
		{Code: "b", Severity: check.Warning, Path: "layer/b", Message: "nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x, then as many lettërs as fit: no such file: " + path + " of mode 0600",
			Fix: "take it out and revoke it; set it on the function instead, in a template by {{resolve:secretsmanager:NAME}}"},
	}}
	want := `error    layer/a:3  a
         is wrong
         fix: mend it
warning  layer/b  b
         nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x, then as many lettërs as
         fit: no such file:
         ` + path + `
         of mode 0600
         fix: take it out and revoke it; set it on the function instead, in a
              template by {{resolve:secretsmanager:NAME}}
2 files, 1 error, 1 warning
`
	var plain, coloured strings.Builder
	require.NoError(t, report.Print(&plain, false))
	require.NoError(t, report.Print(&coloured, true))
	assert.Equal(t, want, plain.String())
	bare := strings.NewReplacer("\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "")
	assert.Equal(t, want, bare.Replace(coloured.String()))
	assert.Contains(t, coloured.String(), "\x1b[31merror  \x1b[0m  layer/a:3  a")
	for line := range strings.Lines(plain.String()) {
		assert.True(t, utf8.RuneCountInString(line) <= 81 || strings.Contains(line, path), line)
	}
}
