package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// manifest is a set of files in one folder that one package manager installs
// from.
type manifest struct {
	files   []string // the first one names it in messages
	version []string // the command that prints the tool's version
	command func(Options) ([]string, error)
	litter  []string // what the tool leaves that is not for Lambda, below the folder
}

// mavenDependencies is pinned: the version that Maven would pick by itself
// changes with Maven.
const mavenDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

var manifests = []manifest{
	{
		files:   []string{"package-lock.json", "package.json"},
		version: []string{"npm", "--version"},
		command: func(opt Options) ([]string, error) {
			return []string{"npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress",
				"--no-update-notifier", "--os=linux", "--libc=glibc", "--cpu=" + map[string]string{"amd64": "x64", "arm64": "arm64"}[opt.Arch]}, nil
		},
		litter: []string{"node_modules/.package-lock.json"},
	},
	{
		files:   []string{"requirements.txt"},
		version: []string{"python3", "-m", "pip", "--version"},
		command: pip,
		litter:  []string{"bin"}, // scripts that begin with this machine's own Python
	},
	{
		files:   []string{"pom.xml"},
		version: []string{"mvn", "--version"},
		command: func(Options) ([]string, error) {
			return []string{"mvn", "--quiet", "--batch-mode", "--no-transfer-progress",
				mavenDependencies + ":copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=."}, nil
		},
	},
}

// pip installs wheels only, for Lambda's system and not for this one: Amazon
// Linux 2 has glibc 2.26, and 2023, from Python 3.12 on, 2.34.
func pip(opt Options) ([]string, error) {
	minor, err := strconv.Atoi(strings.TrimPrefix(opt.Python, "3."))
	if err != nil || !strings.HasPrefix(opt.Python, "3.") {
		return nil, fmt.Errorf("python %q: want a version such as 3.13", opt.Python)
	}
	glibc := 26
	if minor >= 12 {
		glibc = 34
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[opt.Arch]
	argv := []string{"python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
		"--root-user-action=ignore", "--no-warn-script-location", "--no-compile",
		"--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", opt.Python}
	for v := glibc; v >= 5; v-- {
		argv = append(argv, "--platform", fmt.Sprintf("manylinux_2_%d_%s", v, machine))
	}
	argv = append(argv, "--platform", "manylinux2014_"+machine)
	return append(argv, "--requirement", "requirements.txt", "--target", "."), nil
}

// manifestsIn returns the manifests directly in the folder dir.
func manifestsIn(fsys fs.FS, dir string) ([]manifest, error) {
	var found []manifest
	for _, m := range manifests {
		missing := slices.IndexFunc(m.files, func(file string) bool {
			info, err := fs.Stat(fsys, path.Join(dir, file))
			return err != nil || !info.Mode().IsRegular()
		})
		switch {
		case missing == 0:
		case missing > 0:
			return nil, fmt.Errorf("%s: no %s beside it", m.files[0], m.files[missing])
		default:
			found = append(found, m)
		}
	}
	return found, nil
}

// install returns a folder that holds what the manifest in fsys pins, and
// nothing else. It may be one that was installed before.
func (m manifest) install(ctx context.Context, opt Options, fsys fs.FS) (string, error) {
	argv, err := m.command(opt)
	if err != nil {
		return "", err
	}
	version, err := run(ctx, "", m.version)
	if err != nil {
		return "", err
	}
	files := map[string][]byte{}
	for _, name := range m.files {
		if files[name], err = fs.ReadFile(fsys, name); err != nil {
			return "", err
		}
	}
	return kept(opt.Cache, key(opt.Arch, version, argv, files), func(dir string) error {
		if opt.Log != nil {
			fmt.Fprintf(opt.Log, "installing %s with %s\n", m.files[0], argv[0])
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return err
			}
		}
		if _, err := run(ctx, dir, argv); err != nil {
			return err
		}
		var errs []error
		for _, name := range append(slices.Clone(m.litter), m.files...) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, filepath.FromSlash(name))))
		}
		return errors.Join(errs...)
	})
}
