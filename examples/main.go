// Examples runs the unmodified functions of this folder, one per runtime, in
// the local Lambda environment, with the agents of their layer folders injected
// by graft and its companion beside them, and shows what each agent exported and
// what Lambda's telemetry tells of the function.
//
//	go run ./examples              every runtime found on this machine
//	go run ./examples all          every runtime that can be had
//	go run ./examples java21 …     these
//	go run ./examples -layer nodejs -arch amd64 -into DIR
//	                               only the layer of one example, as a folder
//	go run ./examples -fetch       only fetch the agents of all of them
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

const usage = `usage: go run ./examples [FLAG…] [RUNTIME…]

Runs the functions of this folder on these runtimes (java21, python3.12-image,
provided …): those found on this machine if none is named, and with all every
one that can be fetched.

`

func main() {
	local.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	verbose := flag.Bool("v", false, "show all that the functions and their agents write")
	layer := flag.String("layer", "", "build the layer of this example instead")
	arch := flag.String("arch", "amd64", "architecture of -layer: amd64 or arm64")
	into := flag.String("into", "", "folder for -layer")
	fetch := flag.Bool("fetch", false, "fetch the agents of every example into the cache instead")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	var err error
	switch {
	case *fetch:
		err = fetchAgents(ctx, os.Stderr)
	case *layer != "":
		err = onlyLayer(ctx, *layer, *arch, *into, os.Stderr)
	default:
		err = run(ctx, flag.Args(), *verbose, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "examples:", err)
		os.Exit(1)
	}
}

// run shows the runtimes that names names; none means those found here.
func run(ctx context.Context, names []string, verbose bool, stdout, stderr io.Writer) error {
	bed, err := testbed.Open()
	if err != nil {
		return err
	}
	bed.Fetch, bed.Log = true, stderr
	runtimes, err := choose(ctx, bed, names)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "graft-examples-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// Any user may look into it: a function may run as another one.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	kit := &kit{bed: bed, dir: dir, log: stderr, verbose: verbose}
	fmt.Fprint(stdout, legend)
	shown := 0
	once := map[string]bool{}
	var failed []string
	for _, rt := range runtimes {
		for _, ex := range examplesFor(rt) {
			if once[ex.dir] {
				continue
			}
			once[ex.dir] = ex.once
			if err := show(ctx, stdout, kit, ex, rt); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if ex.native && errors.Is(err, testbed.ErrUnavailable) {
					fmt.Fprintf(stdout, "  left out   %v\n\n", err)
					continue
				}
				fmt.Fprintf(stdout, "  failed     %v\n\n", err)
				failed = append(failed, rt.Name)
				continue
			}
			shown++
		}
	}
	fmt.Fprintf(stdout, "references and %s are left out: their functions need Parameter Store and Secrets Manager; their tests have moto in their place.\n", readersLayer)
	fmt.Fprintf(stdout, "%d functions answered %d invocations each, none of them changed for it.\n", shown, invocations)
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// onlyLayer builds one example's layer, for `sam build`.
func onlyLayer(ctx context.Context, dir, arch, into string, log io.Writer) error {
	if into == "" {
		return errors.New("-layer: say where to with -into DIR")
	}
	bed, err := testbed.Open()
	if err != nil {
		return err
	}
	bed.Fetch, bed.Log = true, log
	ex, err := named(dir)
	if err != nil {
		return err
	}
	return buildLayer(ctx, bed, ex.folders(), arch, into, log)
}

// fetchAgents stages every example's layer and every ready-made one for this
// machine, each folder on its own, so that whoever runs one of them finds its
// agents fetched.
func fetchAgents(ctx context.Context, log io.Writer) error {
	folders, err := readyMade(ctx)
	if err != nil {
		return err
	}
	for _, ex := range all {
		own, err := inTree(ctx, ex.folders()...)
		if err != nil {
			return err
		}
		folders = append(folders, own...)
	}
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		dir, err := os.MkdirTemp("", "graft-examples-")
		if err != nil {
			return err
		}
		err = layers.Stage(ctx, dir, layers.Options{Arch: runtime.GOARCH, Log: log}, folder)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	return fetchPackages(ctx, log)
}

// fetchPackages fetches what the infrastructure on Node.js is checked with,
// and what the function in Rust is made of.
func fetchPackages(ctx context.Context, log io.Writer) error {
	bed, err := testbed.Open()
	if err != nil {
		return err
	}
	bed.Fetch, bed.Log = true, log
	projects, err := inTree(ctx, "examples/infrastructure/cdk", "examples/infrastructure/serverless")
	if err != nil {
		return err
	}
	for i, name := range []string{"aws-cdk", "osls"} {
		if _, err := bed.Packages(ctx, projects[i], name); err != nil {
			return err
		}
	}
	// A machine without Rust has all the others.
	if _, err = rustReader(ctx, bed); errors.Is(err, testbed.ErrUnavailable) {
		fmt.Fprintln(log, err)
		return nil
	}
	return err
}

// readyMade returns the paths of the layer folders in layers, in order.
func readyMade(ctx context.Context) ([]string, error) {
	root, err := inTree(ctx, "layers")
	if err != nil {
		return nil, err
	}
	fragments, err := filepath.Glob(filepath.Join(root[0], "*", "graft.d"))
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, f := range fragments {
		folders = append(folders, filepath.Dir(f))
	}
	return folders, nil
}

// choose returns the runtimes to show. Of all that are known, those that cannot
// be had here are left out; one that was asked for by its name is not.
func choose(ctx context.Context, bed *testbed.Bed, names []string) ([]testbed.Runtime, error) {
	if len(names) == 0 {
		return bed.Found(ctx), nil
	}
	every := len(names) == 1 && names[0] == "all"
	if every {
		names = bed.Names()
	}
	var list []testbed.Runtime
	for _, name := range names {
		rt, err := bed.Runtime(ctx, name)
		if every && errors.Is(err, testbed.ErrUnavailable) {
			fmt.Fprintln(bed.Log, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, rt)
	}
	return list, nil
}
