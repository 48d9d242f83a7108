package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/explain"
	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/layers/check"
)

const checkUsage = `usage: graft check [--json] [--strict] [--arch amd64|arm64] [--ignore CODE,…] PATH…
       graft check --rules

PATH is a layer, as a folder or a zip, or a SAM or CloudFormation template.
Several layers are taken as a function's, in this order; beside a template they
stand for those of its layers that are not here. The exit status is 1 if there
is an error, and with --strict if there is a warning.`

// errFindings says that a check found something; all has been printed.
var errFindings = errors.New("findings")

// runCheck finds mistakes in layers and templates.
func runCheck(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("graft check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, checkUsage)
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print the report as JSON")
	strict := flags.Bool("strict", false, "warnings count as errors")
	arch := flags.String("arch", "", "what the layers are for: amd64 or arm64; by default what their own programs and the template say")
	ignore := flags.String("ignore", "", "codes of findings to leave out, separated by commas")
	rules := flags.Bool("rules", false, "list every kind of finding instead")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		// The flags' own message is printed already.
		return &explain.UsageError{Problem: "graft check -h shows how it is used"}
	}
	if *rules {
		return printRules(stdout, *asJSON)
	}
	var codes []string
	if *ignore != "" {
		codes = strings.Split(*ignore, ",")
	}
	for _, code := range codes {
		if !slices.ContainsFunc(check.Rules, func(r check.Rule) bool { return r.Code == code }) {
			return &explain.UsageError{Problem: fmt.Sprintf("--ignore: no finding has the code %q: graft check --rules lists them", code)}
		}
	}
	if *arch != "" && *arch != "amd64" && *arch != "arm64" {
		return &explain.UsageError{Problem: fmt.Sprintf("--arch %q: Lambda has amd64 (x86_64) and arm64", *arch)}
	}
	if flags.NArg() == 0 {
		return &explain.UsageError{Problem: "no PATH given\n" + checkUsage}
	}
	report, err := checkPaths(check.Options{Arch: *arch}, flags.Args())
	if err != nil {
		return err
	}
	report = report.Without(codes...)
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err = e.Encode(report)
	} else {
		err = report.Print(stdout)
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
				return check.Report{}, &explain.UsageError{Problem: fmt.Sprintf("%s and %s: one template at a time", file, p)}
			}
			file = p
		} else if _, err := open(p); err != nil {
			return check.Report{}, err
		}
	}
	if file == "" {
		return check.Layers(opt, list...), nil
	}
	data, err := readTemplate(file)
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

// readTemplate reads a template, and one byte more than it may have for the
// parser to refuse.
func readTemplate(file string) ([]byte, error) {
	if info, err := os.Stat(file); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, template.MaxSize+1))
}

// printRules lists every kind of finding, as a table for people or as JSON.
func printRules(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(check.Rules)
	}
	var out strings.Builder
	out.WriteString("| code | severity | what is wrong | what to do |\n| --- | --- | --- | --- |\n")
	for _, r := range check.Rules {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", r.Code, r.Severity, r.Title, r.Remedy)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
