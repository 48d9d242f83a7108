package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/show"
	"github.com/graft-lambda/graft/layers/check"
)

const checkHelp = `usage: graft check [FLAG…] PATH…
       graft check --rules [CODE…]

Finds mistakes in layers and templates that otherwise show only in production.
PATH is a layer (a folder that looks like /opt, or a zip) or a SAM or
CloudFormation template (.yaml, .yml, .json, .template). Several layers are taken
as a function's, in this order; beside a template they stand for those of its
layers that are not here. A template's own layers are looked at where they lie
in its folder, in its repository, or in a PATH.

  --arch ARCH     what the layers are for: amd64 or arm64 (what their own
                  programs and the template say)
  --ignore LIST   kinds of findings to leave out: their codes, separated by
                  commas
  --strict        warnings count as errors
  --json          one JSON document
  --rules         list every kind of finding instead, or say what those with
                  these codes are

The exit status is 1 if there is an error or, with --strict, a warning, and 2 if
the command line is wrong.

examples
  graft check my-layer
  graft check template.yaml dist/my-layer-arm64.zip
`

// errFindings says that a check found something; all has been printed.
var errFindings = errors.New("findings")

// checkCommand is graft check.
func checkCommand(args []string, stdout io.Writer) error {
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
		return printRules(stdout, *asJSON, paths)
	}
	if *arch != "" {
		if *arch, err = knownArch(*arch); err != nil {
			return err
		}
	}
	var codes []string
	for code := range strings.SplitSeq(*ignore, ",") {
		if code = strings.TrimSpace(code); code != "" {
			codes = append(codes, code)
		}
	}
	if _, err := rulesOf("--ignore", codes); err != nil {
		return err
	}
	if slices.Contains(paths, "") {
		return usageError{error: errors.New(`check: "": want a layer or a template; is a variable of the shell not set?`)}
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

// rulesOf returns the rules with these codes. Flag is where they were given.
func rulesOf(flag string, codes []string) ([]check.Rule, error) {
	var known []string
	for _, r := range check.Rules {
		known = append(known, r.Code)
	}
	var rules []check.Rule
	for _, code := range codes {
		i := slices.Index(known, code)
		if i < 0 {
			return nil, usageError{error: fmt.Errorf("%s: no finding has the code %q%s; graft check --rules lists them", flag, code, meant("", code, known))}
		}
		rules = append(rules, check.Rules[i])
	}
	return rules, nil
}

// printRules says what the kinds of findings with these codes are, or lists all
// of them, as a table for people or as JSON.
func printRules(w io.Writer, asJSON bool, codes []string) error {
	rules, err := rulesOf("--rules", codes)
	switch {
	case err != nil:
		return err
	case len(codes) == 0:
		rules = check.Rules
	}
	if asJSON {
		return show.JSON(w, rules)
	}
	if len(codes) > 0 {
		for _, r := range rules {
			if err := r.Print(w, show.Coloured(w, os.Getenv)); err != nil {
				return err
			}
		}
		return nil
	}
	var out strings.Builder
	out.WriteString("| code | severity | what is wrong | what to do |\n| --- | --- | --- | --- |\n")
	for _, r := range rules {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", r.Code, r.Severity, r.Title, r.Remedy)
	}
	_, err = io.WriteString(w, out.String())
	return err
}
