//go:build linux

package local_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSandboxName(t *testing.T) {
	needIsolation(t)
	needCurl(t)
	t.Setenv("TMPDIR", t.TempDir())
	machine, err := os.ReadFile("/etc/hosts")
	require.NoError(t, err)
	const line = "\n127.0.0.1 sandbox.localdomain\n"
	for name, test := range map[string]struct {
		without bool
		want    string
	}{"known": {false, string(machine) + line}, "unknown": {true, string(machine)}} {
		t.Run(name, func(t *testing.T) {
			f := bash(bashClient + `next; curl -sS -o /dev/null --data-binary @/etc/hosts "$api/invocation/$id/response"; next`)
			f.NoSandboxName = test.without
			if os.Geteuid() == 0 {
				f.UID, f.GID = 993, 990
			}
			r, err := start(t, f).Invoke(bounded(t), []byte(`{}`))
			require.NoError(t, err)
			assert.Equal(t, test.want, string(r.Body))
		})
	}
	after, err := os.ReadFile("/etc/hosts")
	require.NoError(t, err)
	assert.Equal(t, machine, after)
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
}
