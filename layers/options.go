package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/graft-lambda/graft/internal/keep"
)

// Options says what a layer is built for, and how.
type Options struct {
	Arch      string    // amd64 or arm64
	Companion Companion // how the companion stands in the layer; [External] if empty
	Secrets   bool      // graft-secrets stands in the layer, which ref+ values need
	Python    string    // the version that requirements.txt is installed for, such as "3.12"; 3.13 if empty
	Scripts   bool      // npm runs the install scripts of packages, and a manifest may have npm and Maven run code; all on this machine, whatever Arch is
	Cache     string    // the folder that keeps installed dependencies; see [CacheDir] for what an empty one means
	Offline   bool      // nothing is installed: what Cache does not hold is an error
	Log       io.Writer // gets a line for every installation, and for packages that nothing installs; may be nil
	Without   []string  // folders inside layer folders that are left out, such as those that a build writes to
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// A Companion says how the companion stands in a layer.
type Companion string

const (
	// External puts it into /opt/extensions, where Lambda starts it.
	External Companion = "extension"
	// Forked puts it at /opt/graft-companion, where the wrapper starts it: then
	// nothing of graft's is in /opt/extensions.
	Forked Companion = "forked"
	// NoCompanion leaves it out: nothing of GRAFT_RUN and GRAFT_TELEMETRY works.
	NoCompanion Companion = "none"
)

// companionFiles says where the companion stands below /opt.
var companionFiles = map[Companion]string{
	External:    "extensions/graft-companion",
	Forked:      "graft-companion",
	NoCompanion: "",
}

// Where the programs stand below /opt that have only one place.
const (
	wrapperFile = "graft"
	secretsFile = "graft-secrets"
)

// Programs returns all places below /opt where graft's own programs may stand, the
// wrapper's first.
func Programs() []string {
	return []string{wrapperFile, companionFiles[External], companionFiles[Forked], secretsFile}
}

// CompanionFile returns where the companion stands below /opt; empty if it is
// left out.
func CompanionFile(c Companion) string { return companionFiles[c] }

// programs returns the packages of the programs that go into the layer, by
// where each stands below /opt.
func (o Options) programs() map[string]string {
	found := map[string]string{wrapperFile: wrapper}
	if file := companionFiles[o.Companion]; file != "" {
		found[file] = companion
	}
	if o.Secrets {
		found[secretsFile] = secrets
	}
	return found
}

const defaultPython = "3.13"

var pythonVersion = regexp.MustCompile(`^3\.([1-9]?[0-9])$`)

// PythonMinor returns the second number of a version of Python such as "3.12". Any
// other form is an error: wheels name the Python that they are for by these two
// numbers.
func PythonMinor(version string) (int, error) {
	m := pythonVersion.FindStringSubmatch(version)
	if m == nil {
		return 0, fmt.Errorf("%q: want a version such as 3.12", version)
	}
	return strconv.Atoi(m[1])
}

// complete checks the options, and fills in what was left out.
func (o Options) complete(ctx context.Context) (Options, error) {
	if o.Arch != "amd64" && o.Arch != "arm64" {
		return o, fmt.Errorf("architecture %q: Lambda has amd64 (x86_64) and arm64", o.Arch)
	}
	if o.Companion == "" {
		o.Companion = External
	}
	if _, known := companionFiles[o.Companion]; !known {
		return o, fmt.Errorf("companion %q: neither %s nor %s nor %s", o.Companion, External, Forked, NoCompanion)
	}
	if o.Python == "" {
		o.Python = defaultPython
	}
	if _, err := PythonMinor(o.Python); err != nil {
		return o, fmt.Errorf("python: %w", err)
	}
	without := make([]string, len(o.Without))
	for i, dir := range o.Without {
		real, err := realPath(dir)
		if err != nil {
			return o, err
		}
		without[i] = real
	}
	o.Without = without
	var err error
	if o.Cache == "" {
		o.Cache, err = CacheDir(ctx)
	} else {
		o.Cache, err = filepath.Abs(o.Cache)
	}
	return o, err
}

// CacheDir returns where installed dependencies are kept: in the subfolder layers
// of the folder that GRAFT_CACHE names, else in .cache/layers of the source tree
// of this module around the working directory, else in the user's own cache.
func CacheDir(ctx context.Context) (string, error) {
	if dir, err := keep.Chosen(); dir != "" || err != nil {
		return filepath.Join(dir, "layers"), err
	}
	root, err := SourceTree(ctx)
	switch {
	case err == nil:
		return filepath.Join(root, ".cache", "layers"), nil
	case !errors.Is(err, ErrNoSource):
		return "", err
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "graft", "layers"), err
}
