package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/show"
	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/layers/check"
)

const checkHelp = `usage: graft check [FLAG…] PATH…
       graft check --rules

Finds mistakes in layers and templates that otherwise show only in production.
PATH is a layer, folder or zip, or a SAM or CloudFormation template. Several
layers are taken as a function's, in this order; beside a template they stand
for those of its layers that are not here.

  --arch ARCH     what the layers are for: amd64 or arm64 (what their own
                  programs and the template say)
  --ignore LIST   kinds of findings to leave out: their codes, separated by
                  commas
  --strict        warnings count as errors
  --json          one JSON document
  --rules         list every kind of finding instead

The exit status is 1 if there is an error or, with --strict, a warning, and 2 if
the command line is wrong.

examples
  graft check my-layer
  graft check template.yaml dist/my-layer-arm64.zip
`

// errFindings says that a check found something; all has been printed.
var errFindings = errors.New("findings")

// find is the command check.
func find(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("graft check", flag.ContinueOnError)
	arch := flags.String("arch", "", "")
	ignore := flags.String("ignore", "", "")
	strict := flags.Bool("strict", false, "")
	asJSON := flags.Bool("json", false, "")
	rules := flags.Bool("rules", false, "")
	paths, err := operands(flags, args, checkHelp, stdout)
	if err != nil {
		return err
	}
	if *rules {
		return printRules(stdout, *asJSON)
	}
	if *arch != "" {
		if err := knownArch(*arch); err != nil {
			return err
		}
	}
	var codes []string
	if *ignore != "" {
		codes = strings.Split(*ignore, ",")
	}
	for _, code := range codes {
		if !slices.ContainsFunc(check.Rules, func(r check.Rule) bool { return r.Code == code }) {
			return usageError{error: fmt.Errorf("--ignore: no finding has the code %q; graft check --rules lists them", code)}
		}
	}
	if len(paths) == 0 {
		return usageError{error: errors.New("check: no path given: graft check [FLAG…] PATH…")}
	}
	report, err := checkPaths(check.Options{Arch: *arch}, paths)
	if err != nil {
		return err
	}
	report = report.Without(codes...)
	if *asJSON {
		err = show.JSON(stdout, report)
	} else {
		err = report.Print(stdout, show.Coloured(stdout, os.Getenv))
	}
	if errs, warnings := report.Count(); err == nil && (errs > 0 || *strict && warnings > 0) {
		err = errFindings
	}
	return err
}

// checkPaths checks layers and at most one template.
func checkPaths(opt check.Options, paths []string) (check.Report, error) {
	var list []*check.Layer
	defer func() {
		for _, l := range list {
			_ = l.Close()
		}
	}()
	open := func(file string) (*check.Layer, error) {
		l, err := check.Open(file)
		if err == nil {
			list = append(list, l)
		}
		return l, err
	}
	file := ""
	for _, p := range paths {
		if isTemplate(p) {
			if file != "" {
				return check.Report{}, usageError{error: fmt.Errorf("%q and %q: one template at a time", file, p)}
			}
			file = p
		} else if _, err := open(p); err != nil {
			return check.Report{}, err
		}
	}
	if file == "" {
		return check.Layers(opt, list...), nil
	}
	data, err := template.ReadFile(file)
	if err != nil {
		return check.Report{}, err
	}
	dir := filepath.Dir(file)
	return check.Template(opt, filepath.ToSlash(filepath.Clean(file)), data, func(p string) (*check.Layer, error) {
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, filepath.FromSlash(p))
		}
		return open(p)
	}, slices.Clone(list)...), nil
}

// isTemplate reports whether a path is a template's by its name.
func isTemplate(file string) bool {
	ext := strings.ToLower(filepath.Ext(file))
	info, err := os.Stat(file)
	return slices.Contains([]string{".yaml", ".yml", ".json", ".template"}, ext) && (err != nil || !info.IsDir())
}

// printRules lists every kind of finding, as a table for people or as JSON.
func printRules(w io.Writer, asJSON bool) error {
	if asJSON {
		return show.JSON(w, check.Rules)
	}
	var out strings.Builder
	out.WriteString("| code | severity | what is wrong | what to do |\n| --- | --- | --- | --- |\n")
	for _, r := range check.Rules {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", r.Code, r.Severity, r.Title, r.Remedy)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
