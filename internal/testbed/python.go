package testbed

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"strings"
)

//go:embed runtime/bootstrap.py
var bootstrapPy []byte

const pythonStandIn = "minimal bootstrap.py in place of the managed one; the runtime client is AWS's awslambdaric"

var pythonMinors = []string{"3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}

// pythonImage is the version offered in the shape of a container image too.
const pythonImage = "3.12"

func pythonRecipes() []recipe {
	var list []recipe
	for _, minor := range pythonMinors {
		list = append(list, recipe{"python" + minor, func(ctx context.Context, b *Bed) (Runtime, error) {
			return b.managedPython(ctx, minor)
		}})
	}
	return append(list, recipe{"python" + pythonImage + "-image", func(ctx context.Context, b *Bed) (Runtime, error) {
		return b.imagePython(ctx, pythonImage)
	}})
}

func (b *Bed) managedPython(ctx context.Context, minor string) (Runtime, error) {
	lang, version, err := findPython(ctx, minor)
	if err != nil {
		return Runtime{}, err
	}
	client, err := b.pythonClient(ctx, minor, filepath.Join(lang, "bin/python"+minor))
	if err != nil {
		return Runtime{}, err
	}
	// The machine's own site-packages would let a test find what Lambda lacks.
	empty := filepath.Join(client, "empty")
	return pythonRuntime("/var/lang/bin/python"+minor, version,
		Mount{lang, "/var/lang"},
		Mount{empty, "/var/lang/lib/python" + minor + "/site-packages"},
		Mount{filepath.Join(client, "runtime"), "/var/runtime"}), nil
}

// pythonRuntime is what the managed bootstrap makes of a Python at program.
func pythonRuntime(program, version string, mounts ...Mount) Runtime {
	return Runtime{
		Language: "python",
		Version:  version,
		Mounts:   mounts,
		Argv:     []string{program, "/var/runtime/bootstrap.py"},
		Env:      platformEnv("python" + minorOf(version)),
		StandIn:  pythonStandIn,
	}
}

func (b *Bed) imagePython(ctx context.Context, minor string) (Runtime, error) {
	lang, version, err := findPython(ctx, minor)
	if err != nil {
		return Runtime{}, err
	}
	client, err := b.pythonClient(ctx, minor, filepath.Join(lang, "bin/python"+minor))
	if err != nil {
		return Runtime{}, err
	}
	return Runtime{
		Language: "python",
		Version:  version,
		Mounts: []Mount{
			{lang, "/var/lang"},
			{filepath.Join(client, "runtime"), "/var/lang/lib/python" + minor + "/site-packages"},
		},
		Argv:          []string{"/var/lang/bin/python3", "-m", "awslambdaric"},
		HandlerInArgv: true,
		Env:           imageEnv(),
	}, nil
}

// pythonClient returns an item with AWS's runtime client for one minor version
// and our bootstrap.py in its folder "runtime", and an empty folder "empty".
func (b *Bed) pythonClient(ctx context.Context, minor, python string) (string, error) {
	fsys := pinned("python" + minor)
	version, err := pipVersion(fsys, "awslambdaric")
	if err != nil {
		return "", err
	}
	return b.get(ctx, item{
		name: "python" + minor + "-client", version: version, pins: fsys, recipe: string(bootstrapPy),
		fill: func(ctx context.Context, dir string) error {
			runtime := filepath.Join(dir, "runtime")
			if err := os.Mkdir(runtime, 0o755); err != nil {
				return err
			}
			if err := pipInstall(ctx, python, fsys, runtime); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(runtime, "bootstrap.py"), bootstrapPy, 0o644); err != nil {
				return err
			}
			return os.Mkdir(filepath.Join(dir, "empty"), 0o755)
		},
	})
}

// minorOf cuts "3.12.1" to "3.12".
func minorOf(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
