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
	require.NoError(t, os.WriteFile(first, []byte("A=first\nB=first\n"), 0o600))
	require.NoError(t, os.WriteFile(second, []byte("B=second\nC=second\nGRAFT_DISABLE=1\n"), 0o600))
	env, err := environment([]string{"A=x=y", "D=", "D=last"}, []string{first, second}, anyName)
	require.NoError(t, err)
	assert.Equal(t, []string{"B=first", "C=second", "GRAFT_DISABLE=1", "A=x=y", "D=last"}, env)

	for _, entry := range []string{"s3cret", "=s3cret", "A=s3cret\x00"} {
		_, err := environment([]string{entry}, nil, anyName)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	_, err = environment(nil, []string{dir}, anyName)
	assert.ErrorContains(t, err, "not a regular file")
}

// TestRefusedByLambda points to flags that there are.
func TestRefusedByLambda(t *testing.T) {
	for _, name := range []string{"DB_HOST", "GRAFT_LOG", "AWS_LAMBDA_EXEC_WRAPPER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "Ab", "A1"} {
		assert.NoError(t, refusedByLambda(name), name)
	}
	for _, name := range []string{"A", "1A", "_A", "A B", "ÄÖ", "AWS_LAMBDA_RUNTIME_API", "AWS_ACCESS_KEY"} {
		assert.Error(t, refusedByLambda(name), name)
	}
	for name, flag := range setBy {
		assert.ErrorContains(t, refusedByLambda(name), flag)
		assert.Contains(t, runHelp, "\n  "+flag+" ")
	}
}
