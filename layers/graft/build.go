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
  --out DIR       the folder for the zips, outside the layer folders (dist)
  --name N        the name of the zips (the first folder's)
  --oci DIR       write the layer into this folder too, as an OCI image layout
                  with all architectures, for a Dockerfile's COPY --from=
  --into DIR      fill this folder, empty or built before, instead of writing a
                  zip; for one architecture
  --companion C   extension: Lambda starts the companion; forked: the wrapper
                  does, so that nothing is in /opt/extensions; none: it is left
                  out, and with it GRAFT_RUN and GRAFT_TELEMETRY (extension)
  --secrets       put /opt/graft-secrets in, which ref+ values need
  --python V      the Python that requirements.txt is installed for (3.13)
  --scripts       let npm run the install scripts of packages, on this machine
`

// An order is what the build's flags ask for.
type order struct {
	archs     []string
	out, name string
	oci, into string
	options   layers.Options // for each architecture
	folders   []string
}

// build is the command of that name.
func build(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := newOrder(args, stdout, stderr)
	if err != nil {
		return err
	}
	if o.into != "" {
		return layers.Build(ctx, o.into, o.optionsFor(o.archs[0]), o.folders...)
	}
	if err := layers.Apart(o.out, o.folders); err != nil {
		return err
	}
	if o.oci != "" {
		if err := layers.Apart(o.oci, o.folders); err != nil {
			return err
		}
	}
	return o.zips(ctx, stdout, stderr)
}

func newOrder(args []string, stdout, stderr io.Writer) (order, error) {
	o := order{options: layers.Options{Log: stderr}}
	flags := flag.NewFlagSet("graft build", flag.ContinueOnError)
	archs := flags.String("arch", "amd64,arm64", "")
	flags.StringVar(&o.out, "out", "dist", "")
	flags.StringVar(&o.name, "name", "", "")
	flags.StringVar(&o.oci, "oci", "", "")
	flags.StringVar(&o.into, "into", "", "")
	companion := flags.String("companion", string(layers.External), "")
	flags.BoolVar(&o.options.Secrets, "secrets", false, "")
	flags.StringVar(&o.options.Python, "python", "", "")
	flags.BoolVar(&o.options.Scripts, "scripts", false, "")
	var err error
	if o.folders, err = operands(flags, args, buildHelp, stdout); err != nil {
		return o, err
	}
	o.archs = strings.Split(*archs, ",")
	for _, arch := range o.archs {
		if err := knownArch(arch); err != nil {
			return o, err
		}
	}
	if known := []string{string(layers.External), string(layers.Forked), string(layers.NoCompanion)}; !slices.Contains(known, *companion) {
		return o, usageError{error: fmt.Errorf("--companion: %q is none of %q", *companion, known)}
	}
	o.options.Companion = layers.Companion(*companion)
	switch {
	case o.into != "" && o.oci != "":
		return o, usageError{error: errors.New("--into: not with --oci")}
	case o.into != "" && len(o.archs) != 1:
		return o, usageError{error: errors.New("--into: give one --arch with it")}
	case o.name == "" && len(o.folders) == 0:
		o.name = "graft"
	case o.name == "":
		abs, err := filepath.Abs(o.folders[0])
		if err != nil {
			return o, err
		}
		o.name = filepath.Base(abs)
	}
	return o, nil
}

func (o order) optionsFor(arch string) layers.Options {
	opt := o.options
	opt.Arch = arch
	return opt
}

// zips packs the layer for each architecture.
func (o order) zips(ctx context.Context, stdout, stderr io.Writer) error {
	var images []layers.Image
	for _, arch := range o.archs {
		l, err := layers.Open(ctx, o.optionsFor(arch), o.folders...)
		if err != nil {
			return err
		}
		defer l.Close()
		images = append(images, layers.Image{Arch: arch, Layer: l})
		if err := o.zip(ctx, images[len(images)-1], stdout, stderr); err != nil {
			return err
		}
	}
	if o.oci == "" {
		return nil
	}
	show := newProgress(stderr, o.oci)
	defer show.end()
	if err := layers.WriteOCI(ctx, o.oci, images, show.set); err != nil {
		return err
	}
	show.end()
	_, err := fmt.Fprintf(stdout, "%s  OCI image layout\n", o.oci)
	return err
}

func (o order) zip(ctx context.Context, im layers.Image, stdout, stderr io.Writer) error {
	file := filepath.Join(o.out, o.name+"-"+im.Arch+".zip")
	show := newProgress(stderr, file)
	defer show.end()
	if err := im.Layer.Zip(ctx, file, show.set); err != nil {
		return err
	}
	show.end()
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s  %s, unzipped %s\n", file, megabytes(info.Size()), megabytes(show.total))
	for _, line := range beyond(info.Size(), show.total) {
		fmt.Fprintf(stderr, "graft: %s: %s\n", file, line)
	}
	return nil
}

// beyond says which of Lambda's quotas a layer of these sizes in bytes is
// beyond, and what to do then.
func beyond(zipped, unzipped int64) []string {
	var lines []string
	if unzipped > layers.MaxUnzipped {
		lines = append(lines, fmt.Sprintf("unzipped %s, and Lambda takes %s of a function and all its layers: leave out what is not needed, or use a container image (--oci)",
			megabytes(unzipped), megabytes(layers.MaxUnzipped)))
	}
	if zipped > layers.MaxUpload {
		lines = append(lines, fmt.Sprintf("%s, and Lambda takes %s directly: upload it to S3 (aws s3 cp) and publish it with --content S3Bucket=BUCKET,S3Key=KEY",
			megabytes(zipped), megabytes(layers.MaxUpload)))
	}
	return lines
}

// megabytes writes a size as Lambda's quotas do: 1 MB is 1024 KB.
func megabytes(bytes int64) string {
	return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
}
