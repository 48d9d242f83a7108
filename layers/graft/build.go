package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/layers"
)

const buildHelp = `usage: graft build [FLAG…] [FOLDER…]

Makes OUT/NAME-ARCH.zip of the wrapper, the companion and the layer folders
given. A folder looks like /opt itself; without one it is the bare layer.

  --arch LIST     architectures, separated by commas (amd64,arm64)
  --out DIR       the folder for the zips (dist)
  --name N        the name of the zips (the first folder's)
  --into DIR      fill this folder, empty or built before, instead of writing a
                  zip; for one architecture
  --companion C   extension: Lambda starts the companion; forked: the wrapper
                  does, so that nothing is in /opt/extensions; none: it is left
                  out, and with it GRAFT_RUN and GRAFT_TELEMETRY (extension)
`

// build is the command of that name.
func build(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("graft build", flag.ContinueOnError)
	arch := flags.String("arch", "amd64,arm64", "")
	out := flags.String("out", "dist", "")
	name := flags.String("name", "", "")
	into := flags.String("into", "", "")
	companion := flags.String("companion", string(layers.External), "")
	if err := parse(flags, args, buildHelp, stdout); err != nil {
		return err
	}
	if known := []string{string(layers.External), string(layers.Forked), string(layers.NoCompanion)}; !slices.Contains(known, *companion) {
		return usageError{error: fmt.Errorf("--companion: %q is none of %q", *companion, known)}
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
	opt := layers.Options{Companion: layers.Companion(*companion), Log: stderr}
	if *into != "" {
		if len(archs) != 1 {
			return usageError{error: errors.New("--into: give one --arch with it")}
		}
		opt.Arch = archs[0]
		return layers.Build(ctx, *into, opt, folders...)
	}
	for _, a := range archs {
		file := filepath.Join(*out, *name+"-"+a+".zip")
		opt.Arch = a
		if err := buildZip(ctx, file, opt, folders); err != nil {
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
	return layers.Zip(dir, file)
}
