package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	require.NoError(t, os.WriteFile(first, []byte("A1=first\nB1=first\n"), 0o600))
	require.NoError(t, os.WriteFile(second, []byte("B1=second\nC1=second\nGRAFT_DISABLE=1\n"), 0o600))
	env, err := environment([]string{"A1=x=y", "D1=", "D1=last"}, []string{first, second}, refuses(runSets))
	require.NoError(t, err)
	assert.Equal(t, []string{"B1=first", "C1=second", "GRAFT_DISABLE=1", "A1=x=y", "D1=last"}, env)

	for _, entry := range []string{"s3cret", "=s3cret", "A1=s3cret\x00"} {
		_, err := environment([]string{entry}, nil, refuses(runSets))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	_, err = environment(nil, []string{dir}, refuses(runSets))
	assert.ErrorContains(t, err, "not a regular file")
}

// TestRefuses points to flags that there are.
func TestRefuses(t *testing.T) {
	for help, sets := range map[string]map[string]string{runHelp: runSets, explainHelp: explainSets} {
		refuse := refuses(sets)
		for _, name := range []string{"DB_HOST", "GRAFT_LOG", "AWS_LAMBDA_EXEC_WRAPPER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "Ab", "A1"} {
			assert.NoError(t, refuse(name), name)
		}
		for _, name := range []string{"A", "1A", "_A", "A B", "ÄÖ", "AWS_LAMBDA_RUNTIME_API", "AWS_ACCESS_KEY"} {
			assert.Error(t, refuse(name), name)
		}
		for name, flag := range sets {
			assert.ErrorContains(t, refuse(name), flag)
			assert.Contains(t, help, "\n  "+flag+" ")
		}
	}
}
