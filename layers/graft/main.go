// Graft builds layers.
//
//	graft build [--arch amd64,arm64] [--out dist] [--name N] [--into DIR] [FOLDER…]
//
// makes OUT/NAME-ARCH.zip of the wrapper and the layer folders given; a folder
// looks like /opt itself. Without a folder it is the bare layer. With --into
// the files go into a folder instead, as `sam build` wants them.
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
	"strings"
	"syscall"

	"github.com/graft-lambda/graft/layers"
)

const usage = `usage: graft build [--arch amd64,arm64] [--out dist] [--name N] [--into DIR] [FOLDER…]`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "graft:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 1 && args[0] == "version" {
		_, err := fmt.Fprintln(stdout, "graft", versionText())
		return err
	}
	if len(args) == 0 || args[0] != "build" {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet("graft build", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, usage)
		flags.PrintDefaults()
	}
	arch := flags.String("arch", "amd64,arm64", "architectures, separated by commas")
	out := flags.String("out", "dist", "folder for the zips")
	name := flags.String("name", "", "name of the zips; the first folder's if not given")
	into := flags.String("into", "", "fill this folder, empty or built before, instead of writing a zip; for one architecture")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	folders := flags.Args()
	if *name == "" {
		*name = "graft"
		if len(folders) > 0 {
			abs, err := filepath.Abs(folders[0])
			if err != nil {
				return err
			}
			*name = filepath.Base(abs)
		}
	}
	archs := strings.Split(*arch, ",")
	if *into != "" {
		if len(archs) != 1 {
			return errors.New("--into: give one --arch with it")
		}
		return layers.Build(ctx, *into, layers.Options{Arch: archs[0], Log: stderr}, folders...)
	}
	for _, a := range archs {
		file := filepath.Join(*out, *name+"-"+a+".zip")
		if err := buildZip(ctx, file, layers.Options{Arch: a, Log: stderr}, folders); err != nil {
			return err
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s  %.1f MB\n", file, float64(info.Size())/1e6)
	}
	return nil
}

func buildZip(ctx context.Context, file string, opt layers.Options, folders []string) error {
	dir, err := os.MkdirTemp("", "graft-layer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := layers.Build(ctx, dir, opt, folders...); err != nil {
		return err
	}
	return layers.Zip(ctx, dir, file, nil)
}
