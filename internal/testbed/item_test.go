package testbed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newBed(t *testing.T) *Bed {
	return &Bed{Cache: filepath.Join(t.TempDir(), "cache"), Fetch: true}
}

func write(name string) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, name), nil, 0o644)
	}
}

func TestItemIsUnavailableUnlessFetched(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	it := item{name: "x", version: "1", fill: write("f")}

	b.Fetch = false
	_, err := b.get(t.Context(), it)
	require.ErrorIs(t, err, ErrUnavailable)
	assert.Contains(t, err.Error(), "x 1 is not in the cache")
	assert.NoDirExists(t, b.Cache)

	b.Fetch = true
	dir, err := b.get(t.Context(), it)
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(dir, "f"))

	b.Fetch = false
	again, err := b.get(t.Context(), it)
	require.NoError(t, err)
	assert.Equal(t, dir, again)
}

func TestItemIsNeverHalf(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	broken := item{name: "x", version: "1", fill: func(ctx context.Context, dir string) error {
		return errors.Join(write("half")(ctx, dir), errors.New("cut off"))
	}}
	_, err := b.get(t.Context(), broken)
	require.ErrorContains(t, err, "x 1: cut off")
	found, err := filepath.Glob(filepath.Join(b.Cache, "x-*"))
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestItemFolder(t *testing.T) {
	t.Parallel()
	base := item{name: "x", version: "1", pins: fstest.MapFS{"f": {Data: []byte("a")}}}
	tests := map[string]item{
		"version": {name: "x", version: "2", pins: base.pins},
		"pins":    {name: "x", version: "1", pins: fstest.MapFS{"f": {Data: []byte("b")}}},
		"names":   {name: "x", version: "1", pins: fstest.MapFS{"g": {Data: []byte("a")}}},
		"recipe":  {name: "x", version: "1", pins: base.pins, recipe: "r"},
	}
	want, err := base.folder()
	require.NoError(t, err)
	for name, it := range tests {
		got, err := it.folder()
		require.NoError(t, err)
		assert.NotEqual(t, want, got, name)
	}
}
