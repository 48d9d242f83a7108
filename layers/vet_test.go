package layers

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVetRequirements(t *testing.T) {
	t.Parallel()
	const hash = " --hash=sha256:00"
	for text, want := range map[string]string{
		"":                                     "",
		"# a\n\na==1.0" + hash + "  # b\n":     "",
		"# -*- coding: utf-8 -*-\na==1" + hash: "",
		"\ufeffa==1" + hash:                    "",
		"a==1 \\\n    --hash=sha256:00 \\\r\n    --hash=sha256:11\n    # via b\nb==2" + hash: "",
		"--index-url https://x.example/simple --pre\n-i https://x\n--only-binary :all:\n":    "",
		"a[b]==1!2+c ; python_version < \"3.9\" and sys_platform == 'a:b/c'" + hash:          "",
		"a==1; platform_machine == 'x'" + hash:                                               "",
		"a @ https://x.example/p/a-1%2Bcpu-py3-none-any.whl?b=c#d" + hash:                    "",
		"a@https://me@x.example/a-1-py3-none-any.whl ; python_version > '3'" + hash:          "",
		"./wheels/a-1-py3-none-any.whl" + hash:                                               "",

		"a==1" + hash + "\n--no-binary :all:":        `line 2: "--no-binary": an option`,
		"--no-bin=a":                                 `line 1: "--no-bin": an option`,
		"--pre --no-binary :all:":                    `"--no-binary": an option`,
		`--pre "--no-binary" :all:`:                  "quotes",
		"--pre \\\n\\--no-binary \\\n:all:":          `line 1: "--no-binary": an option`,
		"a\\\n#\n-ra":                                `line 3: "-ra": names another file`,
		"-r other.txt":                               `"-r": names another file`,
		"-c /etc/x":                                  `"-c": names another file`,
		"--requirement=b.txt":                        "names another file",
		"-e .":                                       `"-e": an option`,
		"a==1 --config-settings x=y" + hash:          `"--config-settings": an option`,
		"# x\x0c--no-binary :all:":                   "not plain UTF-8",
		"# x\r--no-binary :all:":                     "not plain UTF-8",
		"# x\u2028--no-binary :all:":                 "not plain UTF-8",
		"\ufeff--no-binary :all:":                    `"--no-binary": an option`,
		"a\ufeff":                                    "not plain UTF-8",
		"\xff\xfe-\x00":                              "not plain UTF-8",
		"\n# -*- coding: utf-7 -*-\n+AC0--no-binary": "not plain UTF-8",
		"a @ file:///x/a-1.tar.gz" + hash:            `"file:///x/a-1.tar.gz": no wheel`,
		"/x/a-1.tar.gz" + hash:                       "no wheel",
		"a@https://x.example/a-1.zip#b.whl" + hash:   "no wheel",
		"a@https://x.example/a-1.zip?b/b.whl":        "no wheel",
		"a @ https://x.example/.whl":                 "no wheel",
		"a @ https://x.example/%2e.whl":              "no wheel",
		"/x/a.whl b/a.tar.gz" + hash:                 "no wheel",
		"file:a;b/x.tar.gz":                          "no wheel",
		"git+https://x.example/a":                    "no wheel",
		"a @\\\n file:///x/a-1.tar.gz":               "line 1: ",
	} {
		err := vetRequirements(map[string][]byte{"requirements.txt": []byte(text)}, Options{Scripts: true})
		if want == "" {
			assert.NoError(t, err, text)
			continue
		}
		assert.ErrorContains(t, err, want, text)
	}
}

func TestVetLock(t *testing.T) {
	t.Parallel()
	for resolved, git := range map[string]bool{
		"https://registry.npmjs.org/ms/-/ms-2.1.3.tgz":                            false,
		"https://npm.pkg.github.com/download/@a/b/1.0.0/0a1b":                     false,
		"https://github.com/a/b/releases/download/v1/b.tgz":                       false,
		"https://github.com/a/b/archive/refs/tags/v1.tar.gz":                      false,
		"https://gitlab.com/api/v4/projects/1/packages/npm/@a/b/-/@a/b-1.0.0.tgz": false,
		"https://gitlab.com/a/b/-/archive/v1/b-v1.tar.gz":                         false,
		"https://bitbucket.org/a/b/get/v1.tar.gz":                                 false,
		"file:../a.tgz":                       false,
		"../a":                                false,
		"git+ssh://git@github.com/a/b.git#0a": true,
		"git+file:///a/b#0a":                  true,
		"git@github.com:a/b.git":              true,
		"github:a/b":                          true,
		"a/b":                                 true,
		"a/b#0a":                              true,
		"https://github.com/a/b":              true,
		"https://GitHub.com/a/b.git":          true,
		"https://gitlab.com/a/releases/download/b.git": true,
		"https://gitlab.com/a/-/../b.git":              true,
		"https://gitlab.com/a/-/%2e%2e/b.git":          true,
		"https://github.com/a/b/releases/..":           true,
		"https://github.com/a/b%2Freleases%2Fx":        true,
		"https:github.com/a/b":                         true,
		"https:/github.com/a/b":                        true,
		"https://ｇithub.com/a/b":                       true,
		`https://github.com\\a\\b`:                     true,
		"gist:0a":                                      true,
		"ssh://x.example/a":                            true,
	} {
		for _, lock := range []string{
			`{"lockfileVersion":3,"packages":{"node_modules/x":{"version":"1.0.0","resolved":"` + resolved + `"}}}`,
			`{"lockfileVersion":1,"dependencies":{"y":{"version":"1.0.0","dependencies":{"x":{"version":"` + resolved + `"}}}}}`,
		} {
			err := vetLock(map[string][]byte{"package-lock.json": []byte(lock)}, Options{})
			if !git {
				assert.NoError(t, err, lock)
				continue
			}
			assert.ErrorContains(t, err, "comes from a git repository", lock)
			assert.NoError(t, vetLock(map[string][]byte{"package-lock.json": []byte(lock)}, Options{Scripts: true}))
		}
	}
	for lock, want := range map[string]string{
		`{"packages":{"node_modules/x":{"name":"@a/x","version":"npm:y@1.0.0"}}}`: "",
		`{"packages":{"node_modules/x":{"bin":{"version":"bin/version.js"}}}}`:    "",
		`{"packages":{"node_modules/x":{"name":"x@a/b#","version":"1.0.0"}}}`:     "git repository",
		`{"packages":{"node_modules/x":{"name":"x@git+file:///a"}}}`:              "git repository",
		`{`: "not JSON",
	} {
		err := vetLock(map[string][]byte{"package-lock.json": []byte(lock)}, Options{})
		if want == "" {
			assert.NoError(t, err, lock)
			continue
		}
		assert.ErrorContains(t, err, want, lock)
	}
}

func TestVetPOM(t *testing.T) {
	t.Parallel()
	for pom, want := range map[string]string{
		`<?xml version="1.0" encoding="UTF-8"?><project><name>&oslash;</name><dependencies><dependency/></dependencies></project>`: "",
		"<?xml version='1.0' encoding='ISO-8859-1'?><project><name>M\xfcller</name></project>":                                     "",
		`<project><build><extensions><extension/></extensions></build></project>`:                                                  "<extensions>: has Maven load code",
		`<project><build><pluginManagement><plugins><plugin/></plugins></pluginManagement></build></project>`:                      "<plugins>: has Maven load code",
		`<!DOCTYPE project [<!ENTITY x "<extensions/>">]><project>&x;</project>`:                                                   "document type",
		`<?xml version="1.0" encoding="UTF-16"?><project/>`:                                                                        "not XML in UTF-8",
		"\xfe\xff\x00<\x00p": "not XML in UTF-8",
		`<project>`:          "not XML in UTF-8",
	} {
		files := map[string][]byte{"pom.xml": []byte(pom)}
		err := vetPOM(files, Options{})
		if want == "" {
			assert.NoError(t, err, pom)
			continue
		}
		assert.ErrorContains(t, err, want, pom)
		assert.NoError(t, vetPOM(files, Options{Scripts: true}))
	}
}

// TestManifestsAreVetted has all manifests of the ready-made layers pass, and
// what would run code stopped before anything is installed.
func TestManifestsAreVetted(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	require.NoError(t, fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		for _, m := range manifests {
			if err == nil && path.Base(name) == m.files[0] {
				data, err := os.ReadFile(name)
				require.NoError(t, err)
				assert.NoError(t, m.vet(map[string][]byte{m.files[0]: data}, Options{}), name)
				seen[m.files[0]]++
			}
		}
		return err
	}))
	assert.Len(t, seen, len(manifests))

	large := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(large, "pom.xml"), nil, 0o644))
	require.NoError(t, os.Truncate(filepath.Join(large, "pom.xml"), 1<<40)) // of which nothing is on the disk
	_, err := manifestsIn(os.DirFS(large), ".")
	assert.EqualError(t, err, "pom.xml: larger than 64 MB")

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte("-e ."), 0o644))
	m := manifests[1]
	m.tools, m.version = []string{"true"}, []string{"true"}
	_, err = m.install(t.Context(), Options{Arch: "amd64", Python: "3.13", Cache: t.TempDir(), Offline: true}, os.DirFS(dir), "requirements.txt")
	assert.ErrorContains(t, err, `line 1: "-e": an option`)
}
