package layers_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

const packageJSON = `{"private":true,"dependencies":{"ms":"2.1.3"}}`

const packageLock = `{"name":"x","lockfileVersion":3,"requires":true,"packages":{
"":{"name":"x","dependencies":{"ms":"2.1.3"}},
"node_modules/ms":{"version":"2.1.3","integrity":"sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="}}}`

// wrapt has a compiled wheel for every Python and machine; these are four.
const requirements = `wrapt==1.17.3 \
    --hash=sha256:0ed61b7c2d49cee3c027372df5809a59d60cf1b6c2f81ee980a091f3afed6a2d \
    --hash=sha256:0f5f51a6466667a5a356e6381d362d259125b57f059103dd9fdc8c0cf1d14139 \
    --hash=sha256:6fd1ad24dc235e4ab88cda009e19bf347aabb975e44fd5c2fb22a3f6e4141277 \
    --hash=sha256:7e18f01b0c3e4a07fe6dfdb00e29049ba17eadbc5e7609a2a3a4af83ab7d710a
`

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>x</groupId><artifactId>x</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>com.amazonaws</groupId><artifactId>aws-lambda-java-core</artifactId><version>1.4.0</version></dependency>
  </dependencies>
</project>`

// cached are options with the repository's own cache, and what was installed.
func cached(t *testing.T) (layers.Options, *bytes.Buffer) {
	t.Helper()
	dir, err := layers.CacheDir(t.Context())
	require.NoError(t, err)
	log := new(bytes.Buffer)
	return layers.Options{Arch: "amd64", Cache: dir, Log: log}, log
}

func TestNpm(t *testing.T) {
	t.Parallel()
	testbed.NeedTool(t, "npm")
	src := folder(t, map[string]string{
		"a/package.json":              packageJSON,
		"a/package-lock.json":         packageLock,
		"a/register.mjs":              "x",
		"a/node_modules/left/over.js": "from a developer's own npm install",
	})
	opt, log := cached(t)
	opt.Cache = t.TempDir()
	dst := t.TempDir()
	require.NoError(t, layers.Stage(t.Context(), dst, opt, src))
	assert.Equal(t, []string{
		"a/node_modules/ms/index.js", "a/node_modules/ms/license.md", "a/node_modules/ms/package.json", "a/node_modules/ms/readme.md",
		"a/register.mjs",
	}, slices.Sorted(maps.Keys(staged(t, dst))))
	assert.Equal(t, "installing package-lock.json with npm\n", log.String())

	again := t.TempDir()
	require.NoError(t, layers.Stage(t.Context(), again, opt, src))
	assert.Equal(t, staged(t, dst), staged(t, again))
	assert.Equal(t, "installing package-lock.json with npm\n", log.String(), "installed once")

	opt.Arch = "arm64"
	require.NoError(t, layers.Stage(t.Context(), t.TempDir(), opt, src))
	assert.Equal(t, 2, strings.Count(log.String(), "\n"), "another architecture, another installation")
}

func TestNpmRefusesALockThatDoesNotFit(t *testing.T) {
	t.Parallel()
	testbed.NeedTool(t, "npm")
	opt, _ := cached(t)
	opt.Cache = t.TempDir()
	src := folder(t, map[string]string{"a/package.json": strings.Replace(packageJSON, "2.1.3", "2.1.2", 1), "a/package-lock.json": packageLock})
	err := layers.Stage(t.Context(), t.TempDir(), opt, src)
	assert.ErrorContains(t, err, filepath.Join(src, "a/package-lock.json")+": npm: exit status 1: ")
	left, err := os.ReadDir(opt.Cache)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing half installed is kept")
}

func TestPip(t *testing.T) {
	t.Parallel()
	testbed.NeedTool(t, "python3")
	for _, test := range []struct{ arch, python, want string }{
		{"amd64", "3.13", "_wrappers.cpython-313-x86_64-linux-gnu.so"},
		{"arm64", "3.13", "_wrappers.cpython-313-aarch64-linux-gnu.so"},
		{"arm64", "3.9", "_wrappers.cpython-39-aarch64-linux-gnu.so"},
		{"amd64", "", "_wrappers.cpython-313-x86_64-linux-gnu.so"},
	} {
		t.Run(test.arch+" "+test.python, func(t *testing.T) {
			t.Parallel()
			opt, _ := cached(t)
			opt.Arch, opt.Python = test.arch, test.python
			dst := t.TempDir()
			src := folder(t, map[string]string{"p/python/requirements.txt": requirements, "p/python/own.py": "x"})
			require.NoError(t, layers.Stage(t.Context(), dst, opt, src))
			assert.FileExists(t, filepath.Join(dst, "p/python/wrapt", test.want))
			assert.FileExists(t, filepath.Join(dst, "p/python/own.py"))
			assert.NoFileExists(t, filepath.Join(dst, "p/python/requirements.txt"))
			for name := range staged(t, dst) {
				assert.NotContains(t, name, "__pycache__")
			}
		})
	}
}

func TestPipRefuses(t *testing.T) {
	t.Parallel()
	testbed.NeedTool(t, "python3")
	for name, test := range map[string]struct{ requirements, python, want string }{
		"without hashes":       {"wrapt==1.17.3\n", "", "hashes"},
		"a hash that is wrong": {"wrapt==1.17.3 --hash=sha256:" + strings.Repeat("0", 64) + "\n", "", "requirements.txt: python3: exit status 1: "},
		"no such python":       {requirements, "3", `python "3": want a version such as 3.13`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt, _ := cached(t)
			opt.Cache, opt.Python = t.TempDir(), test.python
			err := layers.Stage(t.Context(), t.TempDir(), opt, folder(t, map[string]string{"requirements.txt": test.requirements}))
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestMaven(t *testing.T) {
	t.Parallel()
	testbed.NeedTool(t, "mvn")
	opt, _ := cached(t)
	dst := t.TempDir()
	require.NoError(t, layers.Stage(t.Context(), dst, opt, folder(t, map[string]string{"j/pom.xml": pom, "j/x.properties": "a=b"})))
	assert.Equal(t, []string{"j/aws-lambda-java-core-1.4.0.jar", "j/x.properties"}, slices.Sorted(maps.Keys(staged(t, dst))))
}
