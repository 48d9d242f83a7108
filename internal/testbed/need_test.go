package testbed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcome stands for a test that ends by panic, and keeps how.
type outcome struct {
	testing.TB
	skipped, failed string
}

func (o *outcome) Helper()          {}
func (o *outcome) Skip(args ...any) { o.skipped = args[0].(error).Error(); panic(o) }
func (o *outcome) Fatal(args ...any) {
	o.failed = args[0].(error).Error()
	panic(o)
}

func TestNeedErr(t *testing.T) {
	missing := unavailable("x is not here")
	broken := errors.New("x is broken")
	tests := []struct {
		name, require   string
		err             error
		skipped, failed string
		noted           string
	}{
		{"nothing wrong", "", nil, "", "", ""},
		{"unavailable", "", missing, missing.Error(), "", "unavailable: x is not here\n"},
		{"unavailable, all required", "all", missing, "", missing.Error(), ""},
		{"broken", "", broken, "", broken.Error(), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "skipped")
			t.Setenv("GRAFT_TEST_SKIPPED", file)
			t.Setenv("GRAFT_TEST_REQUIRE", tt.require)
			o := &outcome{TB: t}
			func() {
				defer func() { _ = recover() }()
				NeedErr(o, tt.err)
			}()
			assert.Equal(t, tt.skipped, o.skipped)
			assert.Equal(t, tt.failed, o.failed)
			noted, _ := os.ReadFile(file)
			assert.Equal(t, tt.noted, string(noted))
		})
	}
}

func TestUnknownRuntime(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.Runtime(t.Context(), "cobol1")
	require.ErrorContains(t, err, `runtime "cobol1": not one of nodejs18, `)
	assert.NotErrorIs(t, err, ErrUnavailable)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	net := dotnetRuntime("/d/dotnet", "dotnet8", "8.0.4")
	assert.Equal(t, strings.Fields("/d/dotnet exec --depsfile /var/task/A.deps.json --runtimeconfig /var/task/A.runtimeconfig.json /var/runtime/Amazon.Lambda.RuntimeSupport.dll A::B.C::D"),
		net.Command("A::B.C::D"))
	assert.Contains(t, net.Argv[3], assembly, "Command leaves the runtime alone")
	node := nodeRuntime("/n/node", "22.1.0")
	assert.Equal(t, node.Argv, node.Command("app.handler"))
}

func TestCacheFolder(t *testing.T) {
	t.Setenv("GRAFT_CACHE", "/x")
	dir, err := cacheFolder()
	require.NoError(t, err)
	assert.Equal(t, "/x", dir)

	t.Setenv("GRAFT_CACHE", "")
	dir, err = cacheFolder()
	require.NoError(t, err)
	assert.Equal(t, ".cache", filepath.Base(dir))
	assert.FileExists(t, filepath.Join(filepath.Dir(dir), "go.mod"))

	t.Chdir(t.TempDir())
	_, err = cacheFolder()
	assert.ErrorContains(t, err, "no go.mod")
}
