package layers_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// cached are options with the repository's own cache, into which only
// GRAFT_TEST_REQUIRE=all fetches, and what was installed.
func cached(t *testing.T) (layers.Options, *bytes.Buffer) {
	t.Helper()
	dir, err := layers.CacheDir(t.Context())
	require.NoError(t, err)
	log := new(bytes.Buffer)
	return layers.Options{Arch: "amd64", Cache: dir, Offline: !testbed.Fetches(), Log: log}, log
}

// stage stages, or skips the test where what it takes is not here.
func stage(t *testing.T, dst string, opt layers.Options, src string) {
	t.Helper()
	err := layers.Stage(t.Context(), dst, opt, src)
	if errors.Is(err, testbed.ErrUnavailable) { // the same words whichever test says them
		_, why, _ := strings.Cut(err.Error(), testbed.ErrUnavailable.Error()+": ")
		err = fmt.Errorf("layers' dependencies: %w: %s", testbed.ErrUnavailable, why)
	}
	testbed.NeedErr(t, err)
}

func TestNpm(t *testing.T) {
	t.Parallel()
	src := folder(t, map[string]string{
		"a/package.json":              packageJSON,
		"a/package-lock.json":         packageLock,
		"a/register.mjs":              "x",
		"a/node_modules/left/over.js": "from a developer's own npm install",
	})
	opt, _ := cached(t)
	dst := t.TempDir()
	stage(t, dst, opt, src)
	assert.Equal(t, []string{
		"a/node_modules/ms/index.js", "a/node_modules/ms/license.md", "a/node_modules/ms/package.json", "a/node_modules/ms/readme.md",
		"a/register.mjs",
	}, slices.Sorted(maps.Keys(staged(t, dst))))
}

// TestNpmNative installs a package that brings a library of its own for each
// system, processor and C library, for both of Lambda's processors.
func TestNpmNative(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]struct {
		cpu     string
		machine elf.Machine
	}{"amd64": {"x64", elf.EM_X86_64}, "arm64": {"arm64", elf.EM_AARCH64}} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			opt, _ := cached(t)
			opt.Arch = arch
			dst := t.TempDir()
			stage(t, dst, opt, "testdata/native")
			var libraries []string
			for name := range staged(t, dst) {
				if strings.HasSuffix(name, ".node") {
					libraries = append(libraries, name)
				}
			}
			require.Equal(t, []string{"node_modules/@node-rs/crc32-linux-" + want.cpu + "-gnu/crc32.linux-" + want.cpu + "-gnu.node"}, libraries)
			library, err := elf.Open(filepath.Join(dst, libraries[0]))
			require.NoError(t, err)
			defer library.Close()
			assert.Equal(t, want.machine, library.Machine)
		})
	}
}

// TestNpmTooOld puts an npm on PATH that does not know of other processors.
func TestNpmTooOld(t *testing.T) {
	testbed.NeedTool(t, "node")
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\necho 9.2.0\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	opt := options(t)
	opt.Arch = map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	err := layers.Stage(t.Context(), t.TempDir(), opt, "testdata/native")
	require.ErrorIs(t, err, testbed.ErrUnavailable)
	assert.ErrorContains(t, err, "npm 9.2.0 installs for its own processor only")
	opt.Arch = runtime.GOARCH
	assert.NoError(t, layers.Stage(t.Context(), t.TempDir(), opt, "testdata/native"))
}

// TestNpmScripts has a script that would run when packages are installed.
func TestNpmScripts(t *testing.T) {
	t.Parallel()
	testbed.NeedTool(t, "npm")
	testbed.NeedTool(t, "node")
	src := folder(t, map[string]string{
		"package.json": `{"private":true,"scripts":{"postinstall":` +
			`"node -e \"require('fs').writeFileSync('ran', process.env.npm_config_platform+' '+process.env.npm_config_arch)\""}}`,
		"package-lock.json": `{"name":"x","lockfileVersion":3,"requires":true,"packages":{"":{"name":"x","hasInstallScript":true}}}`,
	})
	for _, scripts := range []bool{false, true} {
		opt := options(t)
		opt.Arch, opt.Scripts = "arm64", scripts
		dst := t.TempDir()
		require.NoError(t, layers.Stage(t.Context(), dst, opt, src))
		want := map[string]string{}
		if scripts {
			want["ran"] = "-rw-r--r-- linux arm64"
		}
		assert.Equal(t, want, staged(t, dst))
	}
}

// TestStageInstallsOnce begins with an empty cache.
func TestStageInstallsOnce(t *testing.T) {
	t.Parallel()
	testbed.NeedFetch(t)
	src := folder(t, map[string]string{"package.json": packageJSON, "package-lock.json": packageLock})
	opt, log := cached(t)
	opt.Cache = t.TempDir()
	dst := t.TempDir()
	stage(t, dst, opt, src)
	installing := "installing " + filepath.Join(src, "package-lock.json") + " with npm for amd64\n"
	assert.Equal(t, installing, log.String())

	again := t.TempDir()
	opt.Offline = true
	stage(t, again, opt, src)
	assert.Equal(t, staged(t, dst), staged(t, again))
	assert.Equal(t, installing, log.String(), "installed once")

	opt.Arch, opt.Offline = "arm64", false
	stage(t, t.TempDir(), opt, src)
	assert.Equal(t, 2, strings.Count(log.String(), "\n"), "another architecture, another installation")
}

func TestStageOffline(t *testing.T) {
	t.Parallel()
	testbed.NeedTool(t, "npm")
	opt, log := cached(t)
	opt.Cache, opt.Offline = t.TempDir(), true
	src := folder(t, map[string]string{"package.json": packageJSON, "package-lock.json": packageLock})
	err := layers.Stage(t.Context(), t.TempDir(), opt, src)
	require.ErrorIs(t, err, testbed.ErrUnavailable)
	assert.ErrorContains(t, err, "not installed in "+opt.Cache)
	assert.Empty(t, log.String())
}

// TestStageMissingTools puts nothing, and then a Python without pip, on PATH.
func TestStageMissingTools(t *testing.T) {
	// The python3 on PATH may be a version manager's script.
	real, err := exec.Command(testbed.NeedTool(t, "python3"), "-c", "import sys; sys.stdout.write(sys.executable)").Output()
	require.NoError(t, err)
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	opt := layers.Options{Arch: "amd64", Cache: t.TempDir()}
	for want, files := range map[string]map[string]string{
		"npm is not on PATH (Debian: npm)": {"package.json": packageJSON, "package-lock.json": packageLock},
		"python3 is not on PATH (Debian: ": {"requirements.txt": requirements},
		"mvn is not on PATH (Debian: mave": {"pom.xml": pom},
	} {
		err := layers.Stage(t.Context(), t.TempDir(), opt, folder(t, files))
		require.ErrorIs(t, err, testbed.ErrUnavailable)
		assert.ErrorContains(t, err, want)
	}

	require.NoError(t, os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\nexec '"+string(real)+"' -I -S \"$@\"\n"), 0o755))
	err = layers.Stage(t.Context(), t.TempDir(), opt, folder(t, map[string]string{"requirements.txt": requirements}))
	require.ErrorIs(t, err, testbed.ErrUnavailable)
	assert.ErrorContains(t, err, "No module named pip")
}

func TestNpmRefusesALockThatDoesNotFit(t *testing.T) {
	t.Parallel()
	testbed.NeedFetch(t)
	opt, _ := cached(t)
	opt.Cache = t.TempDir()
	src := folder(t, map[string]string{"a/package.json": strings.Replace(packageJSON, "2.1.3", "2.1.2", 1), "a/package-lock.json": packageLock})
	err := layers.Stage(t.Context(), t.TempDir(), opt, src)
	assert.ErrorContains(t, err, filepath.Join(src, "a/package-lock.json")+": the lock file does not fit package.json: run npm install --package-lock-only: npm: exit status 1\n")
	assert.ErrorContains(t, err, "lock file's ms@2.1.3 does not satisfy ms@2.1.2")
	left, err := os.ReadDir(opt.Cache)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing half installed is kept")
	assert.Regexp(t, `^\.npm-[0-9a-f]+\.lock$`, left[0].Name())
}

func TestPip(t *testing.T) {
	t.Parallel()
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
			stage(t, dst, opt, src)
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
	for name, test := range map[string]struct{ requirements, python, want string }{
		"without hashes":       {"wrapt==1.17.3\n", "", "requirements.txt: every requirement needs ==VERSION and --hash, those that others need too: write what you want to requirements.in and run `uv pip compile --generate-hashes"},
		"without a version":    {"wrapt --hash=sha256:" + strings.Repeat("0", 64) + "\n", "", "requirements.txt: every requirement needs ==VERSION and --hash"},
		"no wheel":             {"docopt==0.6.2 --hash=sha256:49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491\n", "", "requirements.txt: graft installs wheels, for Linux and the layer's architecture and Python (--python), and builds none: python3: "},
		"another file":         {"-r base.txt\n", "", "requirements.txt: line 1: \"-r\": names another file: write what is in it here"},
		"a hash that is wrong": {"wrapt==1.17.3 --hash=sha256:" + strings.Repeat("0", 64) + "\n", "", "requirements.txt: python3: exit status 1\n"},
		"no such python":       {requirements, "3", `python: "3": want a version such as 3.12`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.python == "" {
				testbed.NeedFetch(t)
			}
			opt, _ := cached(t)
			opt.Cache, opt.Python = t.TempDir(), test.python
			err := layers.Stage(t.Context(), t.TempDir(), opt, folder(t, map[string]string{"requirements.txt": test.requirements}))
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestMaven(t *testing.T) {
	t.Parallel()
	opt, _ := cached(t)
	dst := t.TempDir()
	stage(t, dst, opt, folder(t, map[string]string{"j/pom.xml": pom, "j/x.properties": "a=b"}))
	assert.Equal(t, []string{"j/aws-lambda-java-core-1.4.0.jar", "j/x.properties"}, slices.Sorted(maps.Keys(staged(t, dst))))
}
