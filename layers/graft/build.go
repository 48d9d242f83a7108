package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-lambda/graft/layers"
)

const buildUsage = `usage: graft build [--arch amd64,arm64] [--out dist] [--name N] [--python 3.13] [--scripts] [--oci DIR] [--into DIR] [FOLDER…]`

// An order is what the build's flags ask for.
type order struct {
	archs     []string
	out, name string
	oci, into string
	options   layers.Options // for each architecture
	folders   []string
}

func build(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := newOrder(args, stderr)
	if err != nil {
		return err
	}
	if o.into != "" {
		return layers.Build(ctx, o.into, o.optionsFor(o.archs[0]), o.folders...)
	}
	return o.zips(ctx, stdout, stderr)
}

func newOrder(args []string, stderr io.Writer) (order, error) {
	o := order{options: layers.Options{Log: stderr}}
	flags := flag.NewFlagSet("graft build", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, buildUsage)
		flags.PrintDefaults()
	}
	archs := flags.String("arch", "amd64,arm64", "architectures, separated by commas")
	flags.StringVar(&o.out, "out", "dist", "folder for the zips")
	flags.StringVar(&o.name, "name", "", "name of the zips; the first folder's if not given")
	flags.StringVar(&o.oci, "oci", "", "write the layer into this folder too, as an OCI image layout with all architectures")
	flags.StringVar(&o.into, "into", "", "fill this folder, empty or built before, instead of writing a zip; for one architecture")
	flags.StringVar(&o.options.Python, "python", "", "the Python that requirements.txt is installed for (default 3.13)")
	flags.BoolVar(&o.options.Scripts, "scripts", false, "let npm run the install scripts of packages")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.folders, o.archs = flags.Args(), strings.Split(*archs, ",")
	switch {
	case o.into != "" && o.oci != "":
		return o, errors.New("--into: not with --oci")
	case o.into != "" && len(o.archs) != 1:
		return o, errors.New("--into: give one --arch with it")
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
