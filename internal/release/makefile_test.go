package main

import (
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// makes returns what make prints, in the root of the source tree.
func makes(t *testing.T, args ...string) string {
	t.Helper()
	// What only another program reads, go test would not see a change of.
	require.FileExists(t, "../../Makefile")
	root, err := layers.SourceTree(t.Context())
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), testbed.NeedTool(t, "make"), append([]string{"-s", "-C", root}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// TestMakeSecrets: SECRETS=1 puts graft-secrets into the layer, and nothing
// else that the variable may hold.
func TestMakeSecrets(t *testing.T) {
	for _, target := range []string{"layer", "build-Graft", "build-GraftArm64"} {
		assert.Contains(t, makes(t, "-n", target, "ARTIFACTS_DIR=x", "SECRETS=1"), " --secrets", target)
		for _, not := range []string{"", "0", "password"} {
			assert.NotContains(t, makes(t, "-n", target, "ARTIFACTS_DIR=x", "SECRETS="+not), "--secrets", "%s %q", target, not)
		}
	}
}

// TestMakeHelp: every line fits a terminal, and every target that people call
// has one.
func TestMakeHelp(t *testing.T) {
	help := makes(t)
	for line := range strings.Lines(help) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	for _, target := range []string{"help", "demo", "test", "race", "fetch", "layer", "publish", "release", "bench", "fuzz", "check", "build-Graft"} {
		assert.Regexp(t, `(?m)^  make `+target+` +\S`, help)
	}
}
