package testbed

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCrateVersion(t *testing.T) {
	t.Parallel()
	const lock = "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.2\"\n\n[[package]]\nname = \"serde_json\"\nversion = \"1.0.3\"\n"
	for crate, want := range map[string]string{"serde": "1.0.2", "serde_json": "1.0.3"} {
		got, err := crateVersion(lock, crate)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := crateVersion(lock, "json")
	assert.EqualError(t, err, `crate "json": not in Cargo.lock`)
}

func TestCrateName(t *testing.T) {
	t.Parallel()
	got, err := crateName("[package]\nname = \"reader\"\nversion = \"0.0.0\"\n")
	require.NoError(t, err)
	assert.Equal(t, "reader", got)
	_, err = crateName("[workspace]\n")
	assert.Error(t, err)
}
