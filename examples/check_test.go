package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers/check"
)

// TestLayersAreClean checks every example's layer, as it is built for both
// architectures, and its template with it.
func TestLayersAreClean(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	seen := map[string]bool{}
	for _, ex := range all {
		if seen[ex.dir] {
			continue
		}
		seen[ex.dir] = true
		for _, arch := range []string{"amd64", "arm64"} {
			if ex.native && arch != runtime.GOARCH {
				continue
			}
			t.Run(ex.dir+" "+arch, func(t *testing.T) {
				t.Parallel()
				dir, err := k.layerFor(t.Context(), ex, arch)
				testbed.NeedErr(t, err)
				l, err := check.Open(dir)
				require.NoError(t, err)
				defer l.Close()
				assert.Empty(t, check.Layers(check.Options{Arch: arch}, l).Findings)
				if arch != "amd64" {
					return // the templates are for x86_64
				}
				data, err := os.ReadFile(filepath.Join(ex.dir, "template.yaml"))
				require.NoError(t, err)
				open := func(string) (*check.Layer, error) { return nil, os.ErrNotExist }
				built, err := check.Open(dir)
				require.NoError(t, err)
				defer built.Close()
				assert.Empty(t, check.Template(check.Options{}, "template.yaml", data, open, built).Findings)
			})
		}
	}
}
