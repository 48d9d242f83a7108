package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/graft-lambda/graft/layers"
)

// An order is what the flags of graft build ask for.
type order struct {
	archs     []string
	out, name string
	oci, into string
	options   layers.Options // for each architecture
	folders   []string
}

// newOrder reads the flags of graft build.
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
	o.options.Companion = layers.Companion(*companion)
	for name := range strings.SplitSeq(*archs, ",") {
		arch, err := knownArch(name)
		if err != nil {
			return o, err
		}
		o.archs = append(o.archs, arch)
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := o.possible(given); err != nil {
		return o, usageError{error: err}
	}
	if o.name == "" && o.into == "" {
		if o.name, err = o.defaultName(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// possible reports what no layer can be built from. given are the flags that the
// command line has.
func (o order) possible(given map[string]bool) error {
	for i, arch := range o.archs {
		if slices.Contains(o.archs[:i], arch) {
			return fmt.Errorf("--arch: %q twice", arch)
		}
	}
	if known := []layers.Companion{layers.External, layers.Forked, layers.NoCompanion}; !slices.Contains(known, o.options.Companion) {
		return fmt.Errorf("--companion: %q: want extension, forked or none", o.options.Companion)
	}
	if given["python"] {
		if _, err := layers.PythonMinor(o.options.Python); err != nil {
			return fmt.Errorf("--python: %w", err)
		}
	}
	if given["name"] && !isName(o.name) {
		return fmt.Errorf("--name: %q: want a file name without its -ARCH.zip: no slash, and no - in front", o.name)
	}
	if slices.Contains(o.folders, "") {
		return errors.New("layer folder: \"\": want a folder, such as . for this one")
	}
	for _, to := range []struct{ flag, dir string }{{"out", o.out}, {"oci", o.oci}, {"into", o.into}} {
		if given[to.flag] && to.dir == "" {
			return fmt.Errorf("--%s: %q: want a folder", to.flag, to.dir)
		}
	}
	if o.into == "" {
		return nil
	}
	for _, zips := range []string{"oci", "out", "name"} {
		if given[zips] {
			return fmt.Errorf("--into: not with --%s", zips)
		}
	}
	if len(o.archs) != 1 {
		return errors.New("--into: give one --arch with it")
	}
	return nil
}

// defaultName is the name of the zips where --name gives none: the first
// folder's.
func (o order) defaultName() (string, error) {
	if len(o.folders) == 0 {
		return "graft", nil
	}
	abs, err := filepath.Abs(o.folders[0])
	if err != nil {
		return "", err
	}
	name := filepath.Base(abs)
	if !isName(name) {
		return "", usageError{error: fmt.Errorf("the zips cannot be named after the folder %q: give --name", o.folders[0])}
	}
	return name, nil
}

// isName reports whether a zip's name may begin with name: the zip must stay in
// its folder, and its name must not look like a flag.
func isName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.HasPrefix(name, "-") &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) })
}

// optionsFor returns the options for one of the architectures.
func (o order) optionsFor(arch string) layers.Options {
	opt := o.options
	opt.Arch = arch
	return opt
}

// inside returns those of the folders to write to that lie inside layer folders,
// as they were given. It is an error, before any work is done, if one of them
// cannot be written to.
func (o order) inside() ([]string, error) {
	if err := layers.VetFolders(o.folders...); err != nil {
		return nil, err
	}
	var inside []string
	for _, to := range []struct{ flag, dir string }{{"--out", o.out}, {"--oci", o.oci}} {
		if to.flag == "--oci" && o.oci == "" {
			continue
		}
		apart, err := layers.Apart(to.dir, o.folders)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", to.flag, err)
		}
		if !apart {
			inside = append(inside, to.dir)
		}
	}
	if o.oci != "" {
		if err := layers.VetOCI(o.oci, o.out); err != nil {
			return nil, fmt.Errorf("--oci: %w", err)
		}
	}
	return inside, nil
}
