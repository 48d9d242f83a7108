package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// all are the examples, each with how its function is built.
var all = []example{
	{dir: "nodejs", language: "nodejs", handler: "index.handler", layers: []string{"layers/otel-nodejs", "layers/datadog-nodejs"}},
	{dir: "python", language: "python", handler: "app.handler", layers: []string{"layers/otel-python", "layers/elastic-python"}},
	{dir: "any-program", language: "python", handler: "app.handler", once: true, port: "8181"},
	{dir: "python-extension", language: "python", handler: "app.handler", once: true},
	{dir: "security-agent", language: "python", handler: "app.handler", once: true, native: true},
	{dir: "vendor-wrapper", language: "python", handler: "app.handler", once: true, env: []string{"GRAFT_NEXT=/opt/vendor/wrapper"}},
	{dir: "container", language: "python", handler: "app.handler", image: "any", only: "python3.12-image"},
	{dir: "java", language: "java", handler: "example.Handler::handleRequest", layers: []string{"layers/otel-java", "layers/elastic-java"}, build: compileHandler},
	{dir: "dotnet", language: "dotnet", handler: "Example::Example.Function::Handler", build: compileFunction},
	{dir: "ruby", language: "ruby", handler: "app.handler"},
	{dir: "custom-bash", language: "other", handler: "function.handler", command: []string{"/var/task/bootstrap"}},
	{dir: "bootstrap-layer", language: "other", handler: "function.handler", command: []string{"/opt/bootstrap"}},
	{dir: readersLayer, layers: []string{"layers/" + readersLayer}},
	{dir: "custom-go", language: "other", handler: "app", command: []string{"/opt/bootstrap"}, build: buildGo},
}

// named returns the example in the folder dir.
func named(dir string) (example, error) {
	for _, ex := range all {
		if ex.dir == dir {
			return ex, nil
		}
	}
	return example{}, fmt.Errorf("example %q: there is none of that name", dir)
}

// examplesFor returns the examples that run on rt.
func examplesFor(rt testbed.Runtime) []example {
	var list []example
	for _, ex := range all {
		if ex.language == rt.Language && (ex.only == "" || ex.only == rt.Name) {
			list = append(list, ex)
		}
	}
	return list
}

// compileHandler compiles a Java handler for the oldest runtime that Lambda
// still has.
func compileHandler(ctx context.Context, bed *testbed.Bed, src, out string) error {
	core, err := bed.JavaCore(ctx)
	if err != nil {
		return err
	}
	files, err := sources(src, ".java")
	if err != nil {
		return err
	}
	return bed.CompileJava(ctx, out, 11, []string{core}, files...)
}

// compileFunction compiles a .NET class library.
func compileFunction(ctx context.Context, bed *testbed.Bed, src, out string) error {
	files, err := sources(src, ".cs")
	if err != nil {
		return err
	}
	return bed.CompileCSharp(ctx, filepath.Join(out, "Example.dll"), files...)
}

// sources lists the files below dir with this extension.
func sources(dir, ext string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(name) == ext {
			files = append(files, name)
		}
		return err
	})
	return files, err
}

// buildGo compiles a function in Go, a module of its own as users have it.
func buildGo(ctx context.Context, _ *testbed.Bed, src, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(out, "app"), ".")
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, msg)
	}
	return nil
}

// buildLayer fills the folder into with one layer of these layer folders, as
// it is to stand at /opt.
func buildLayer(ctx context.Context, bed *testbed.Bed, folders []string, arch, into string, log io.Writer) error {
	folders, err := inTree(ctx, folders...)
	if err != nil {
		return err
	}
	options := layers.Options{Arch: arch, Secrets: wantsSecrets(folders), Offline: !bed.Fetch, Log: log}
	if err := layers.Build(ctx, into, options, folders...); err != nil {
		return err
	}
	return compileAgents(ctx, bed, folders, arch, into)
}

// wantsSecrets reports whether graft-secrets is to be in the layer of these
// folders.
func wantsSecrets(folders []string) bool {
	return slices.ContainsFunc(folders, func(dir string) bool { return filepath.Base(dir) == readersLayer })
}

// compileAgents compiles what these layer folders bring as sources into their
// layer at opt.
func compileAgents(ctx context.Context, bed *testbed.Bed, folders []string, arch, opt string) error {
	for _, folder := range folders {
		if err := makeAgent(ctx, compilerFor(arch), folder, opt); err != nil {
			return err
		}
	}
	return compileHooks(ctx, bed, opt)
}

// compileHooks compiles the .NET startup hooks of a layer where they stand: a
// layer ships them compiled.
func compileHooks(ctx context.Context, bed *testbed.Bed, opt string) error {
	hooks, err := filepath.Glob(filepath.Join(opt, "*", "*.cs"))
	if err != nil {
		return err
	}
	for _, src := range hooks {
		if err := bed.CompileCSharp(ctx, strings.TrimSuffix(src, ".cs")+".dll", src); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(src), err)
		}
		if err := os.Remove(src); err != nil {
			return err
		}
	}
	return nil
}
