package check_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers/check"
)

// TestPrint has the same text with colours and without.
func TestPrint(t *testing.T) {
	report := check.Report{Files: 2, Findings: []check.Finding{
		{Code: "a", Severity: check.Error, Path: "layer/a", Line: 3, Message: "is wrong", Fix: "mend it"},
		{Code: "b", Severity: check.Warning, Path: "layer/b", Message: "is odd", Fix: "look at it"},
	}}
	const want = `error    a  layer/a:3  is wrong
         fix: mend it
warning  b  layer/b  is odd
         fix: look at it
2 files, 1 error, 1 warning
`
	var plain, coloured strings.Builder
	require.NoError(t, report.Print(&plain, false))
	require.NoError(t, report.Print(&coloured, true))
	assert.Equal(t, want, plain.String())
	bare := strings.NewReplacer("\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "")
	assert.Equal(t, want, bare.Replace(coloured.String()))
	assert.Contains(t, coloured.String(), "\x1b[31merror  \x1b[0m  a")
}
