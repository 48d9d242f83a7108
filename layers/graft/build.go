package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/resolve"
	"github.com/graft-lambda/graft/layers"
	"github.com/graft-lambda/graft/layers/check"
)

const buildHelp = `usage: graft build [FLAG…] [FOLDER…]

Makes OUT/NAME-ARCH.zip of the wrapper, the companion and the layer folders
given. A folder looks like /opt itself; without one it is the bare layer.

  --arch LIST     architectures, separated by commas (amd64,arm64)
  --out DIR       the folder for the zips (dist); inside a layer folder it is
                  left out of the layer
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
  --scripts       let npm run the install scripts of packages, on this machine,
                  and take what runs code otherwise: git repositories, Maven's
                  extensions and plugins
`

// buildCommand is graft build.
func buildCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := newOrder(args, stdout, stderr)
	if err != nil {
		return err
	}
	if file := o.lacksSecrets(); file != "" {
		fmt.Fprintf(stderr, "graft: %s: needs %s, which is not in this layer: give --secrets, if no other layer has it\n", file, resolve.Program)
	}
	if o.into != "" {
		return layers.Build(ctx, o.into, o.optionsFor(o.archs[0]), o.folders...)
	}
	if o.options.Without, err = o.inside(); err != nil {
		return err
	}
	for _, dir := range o.options.Without {
		fmt.Fprintf(stderr, "leaving %s out of the layer: this build writes there\n", dir)
	}
	return o.zips(ctx, stdout, stderr)
}

// lacksSecrets returns the first fragment that needs graft-secrets, if the layer
// is made without that.
func (o order) lacksSecrets() string {
	if o.options.Secrets {
		return ""
	}
	needs := ""
	for _, folder := range o.folders {
		root := os.DirFS(folder)
		if _, err := fs.Stat(root, path.Base(resolve.Program)); err == nil {
			return ""
		}
		fragments, _ := fragment.ReadDir(root, path.Base(fragment.Dir))
		if i := slices.IndexFunc(fragments, check.NeedsSecrets); i >= 0 && needs == "" {
			needs = filepath.Join(folder, fragments[i].File)
		}
	}
	return needs
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
		if len(images) == 0 {
			for _, name := range l.Builds() {
				fmt.Fprintf(stderr, "graft: %s: ships with the layer, and looks like a layer that was built: take it out of the layer folder, if it is\n", name)
			}
		}
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

// zip packs the layer for one architecture, and says how large it is.
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
	fmt.Fprintf(stdout, "%s  %s, unzipped %s\n", file, layers.Megabytes(info.Size()), layers.Megabytes(show.total))
	for _, line := range beyond(info.Size(), show.total) {
		fmt.Fprintf(stderr, "graft: %s: %s\n", file, line)
	}
	return nil
}

// beyond says which of Lambda's quotas a layer of these sizes, in bytes, exceeds,
// and what to do about it.
func beyond(zipped, unzipped int64) []string {
	var lines []string
	if unzipped > layers.MaxUnzipped {
		lines = append(lines, fmt.Sprintf("unzipped %s, and Lambda takes %s of a function and all its layers: leave out what is not needed, or use a container image (--oci)",
			layers.Megabytes(unzipped), layers.Megabytes(layers.MaxUnzipped)))
	}
	if zipped > layers.MaxUpload {
		lines = append(lines, fmt.Sprintf("%s, and Lambda takes %s directly: upload it to S3 (aws s3 cp) and publish it with --content S3Bucket=BUCKET,S3Key=KEY",
			layers.Megabytes(zipped), layers.Megabytes(layers.MaxUpload)))
	}
	return lines
}
