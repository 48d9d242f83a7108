package layers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
)

// manifest is a set of files in one folder that one package manager installs
// from.
type manifest struct {
	files   []string                                         // the first one names it in messages
	tools   []string                                         // the programs that installing takes
	version []string                                         // the command that prints the version of the first of them
	able    func(version string, opt Options) error          // tells why that version cannot do it; may be nil
	vet     func(files map[string][]byte, opt Options) error // tells why installing would run code that is not asked for
	command func(Options) (keep.Command, error)              // but for its folder
	litter  []string                                         // what the tool leaves that is not for Lambda, below the folder
	// remedies are for what the tool prints when it fails; the first that fits.
	remedies []struct{ symptom, remedy string }
}

var manifests = []manifest{
	{
		files:   []string{"package-lock.json", packageFile},
		tools:   []string{"npm", "node"},
		version: []string{"npm", "--version"},
		able:    npmAble,
		vet:     vetLock,
		command: npm,
		litter:  []string{"node_modules/.package-lock.json"},
		remedies: []struct{ symptom, remedy string }{
			{"are in sync", "the lock file does not fit package.json: run npm install --package-lock-only"},
		},
	},
	{
		files:   []string{"requirements.txt"},
		tools:   []string{"python3"},
		version: []string{"python3", "-m", "pip", "--version"},
		vet:     vetRequirements,
		command: pip,
		litter:  []string{"bin"}, // scripts that begin with this machine's own Python
		remedies: []struct{ symptom, remedy string }{
			{"--require-hashes mode", "every requirement needs ==VERSION and --hash, those that others need too: write what you want to requirements.in and run `uv pip compile --generate-hashes requirements.in -o requirements.txt`, or pip-compile likewise"},
			{"No matching distribution", "graft installs wheels, for Linux and the layer's architecture and Python (--python), and builds none"},
		},
	},
	{
		files:   []string{"pom.xml"},
		tools:   []string{"mvn", "java"},
		version: []string{"mvn", "--version"},
		vet:     vetPOM,
		command: func(Options) (keep.Command, error) { return keep.Command{Argv: keep.Maven(".")}, nil },
	},
}

// IsManifest reports whether a file of this name is what [Build] installs from, and
// does not ship.
func IsManifest(base string) bool {
	return slices.ContainsFunc(manifests, func(m manifest) bool { return m.files[0] == base })
}

// npmAble refuses an npm, such as Debian's 9, that does not know --cpu: it would
// install the libraries of this machine and say nothing.
func npmAble(version string, opt Options) error {
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n >= 10 || opt.Arch == runtime.GOARCH && runtime.GOOS == "linux" {
		return nil
	}
	return keep.Unavailable("npm %s installs for its own processor only, and the layer is for linux/%s: use npm 10 or later (npm install --global npm@10)", version, opt.Arch)
}

// npm installs packages for Lambda's system and not for this one. Install
// scripts that fetch a program go by npm_config_arch and npm_config_platform.
func npm(opt Options) (keep.Command, error) {
	cpu := map[string]string{"amd64": "x64", "arm64": "arm64"}[opt.Arch]
	c := keep.Command{Argv: keep.NPM("--omit=dev", "--os=linux", "--libc=glibc", "--cpu="+cpu)}
	if opt.Scripts {
		c.Argv = append(c.Argv, "--ignore-scripts=false")
		c.Env = []string{"npm_config_arch=" + cpu, "npm_config_platform=linux"}
	}
	return c, nil
}

// pip installs wheels only, for Lambda's system and not for this one: Amazon
// Linux 2 has glibc 2.26, and 2023, from Python 3.12 on, 2.34.
func pip(opt Options) (keep.Command, error) {
	minor, err := PythonMinor(opt.Python)
	if err != nil {
		return keep.Command{}, err
	}
	glibc := 26
	if minor >= 12 {
		glibc = 34
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[opt.Arch]
	options := []string{"--no-compile", "--implementation", "cp", "--python-version", opt.Python}
	for v := glibc; v >= 5; v-- {
		options = append(options, "--platform", fmt.Sprintf("manylinux_2_%d_%s", v, machine))
	}
	options = append(options, "--platform", "manylinux2014_"+machine)
	return keep.Command{Argv: keep.Pip("python3", "requirements.txt", ".", options...)}, nil
}

// maxManifest bounds a file that is read as a whole, in bytes: a lock file of
// thousands of packages has some megabytes.
const maxManifest = 64 << 20

// manifestsIn returns the manifests directly in the folder dir.
func manifestsIn(fsys fs.FS, dir string) ([]manifest, error) {
	var found []manifest
	for _, m := range manifests {
		tooLarge := false
		missing := slices.IndexFunc(m.files, func(file string) bool {
			info, err := fs.Stat(fsys, path.Join(dir, file))
			tooLarge = tooLarge || err == nil && info.Size() > maxManifest
			return err != nil || !info.Mode().IsRegular()
		})
		switch {
		case missing == 0:
		case missing > 0:
			return nil, fmt.Errorf("%s: no %s beside it", m.files[0], m.files[missing])
		case tooLarge:
			return nil, fmt.Errorf("%s: larger than %d MB", m.files[0], maxManifest>>20)
		default:
			found = append(found, m)
		}
	}
	return found, nil
}

// install returns a folder that holds what the manifest in fsys pins, and
// nothing else. It may be one that was installed before. The log calls the
// manifest by name.
func (m manifest) install(ctx context.Context, opt Options, fsys fs.FS, name string) (string, error) {
	command, err := m.command(opt)
	if err != nil {
		return "", err
	}
	version, err := m.toolVersion(ctx)
	if err != nil {
		return "", err
	}
	if m.able != nil {
		if err := m.able(version, opt); err != nil {
			return "", err
		}
	}
	files := map[string][]byte{}
	for _, name := range m.files {
		if files[name], err = fs.ReadFile(fsys, name); err != nil {
			return "", err
		}
	}
	if err := m.vet(files, opt); err != nil {
		return "", err
	}
	installed := keep.Folder{Path: filepath.Join(opt.Cache, key(opt.Arch, version, command.Argv, files))}
	installed.Fill = func(ctx context.Context, dir string) error {
		opt.logf("installing %s with %s for %s", name, command.Argv[0], opt.Arch)
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return err
			}
		}
		command.Dir = dir
		if _, err := keep.Run(ctx, command); err != nil {
			return m.explain(err)
		}
		var errs []error
		for _, name := range append(slices.Clone(m.litter), m.files...) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, filepath.FromSlash(name))))
		}
		return errors.Join(errs...)
	}
	if opt.Offline && !installed.Filled() {
		return "", keep.Unavailable("not installed in %s before, and nothing is to be fetched", opt.Cache)
	}
	return installed.Get(ctx)
}

// explain puts the remedy for a common mistake before what the tool says of it.
func (m manifest) explain(err error) error {
	for _, line := range m.remedies {
		if strings.Contains(err.Error(), line.symptom) {
			return fmt.Errorf("%s: %w", line.remedy, err)
		}
	}
	return err
}

// toolVersion returns the first line in which the tool names its version; those
// that follow may tell of the machine. A tool that names none is only half there,
// such as a Python without pip.
func (m manifest) toolVersion(ctx context.Context) (string, error) {
	if err := keep.Tools(m.tools...); err != nil {
		return "", err
	}
	out, err := keep.Run(ctx, keep.Command{Argv: m.version})
	if err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return "", keep.Unavailable("%s: %v", strings.Join(m.version, " "), err)
	}
	line, _, _ := strings.Cut(out, "\n")
	return line, nil
}

// key is the name of an installation: a hash of all that decides what is in it.
func key(arch, version string, argv []string, files map[string][]byte) string {
	all, err := json.Marshal([]any{arch, version, argv, files})
	if err != nil {
		panic(err) // strings and bytes
	}
	sum := sha256.Sum256(all)
	return filepath.Base(argv[0]) + "-" + hex.EncodeToString(sum[:12])
}
