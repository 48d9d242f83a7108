package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/explain"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/show"
)

const explainHelp = `usage: graft explain [FLAG…] --runtime NAME|all
       graft explain [FLAG…] --template FILE
       graft explain [FLAG…] -- COMMAND…

Says what graft will do to a function, by its own code and before anything is
deployed: command line and environment before and after, each change with the
agent that asks for it and the reason, and what is left out and why. Values that
only the function sets are never shown.

the function
  --runtime NAME       Lambda's name of its runtime, such as nodejs22.x; all:
                       every managed runtime. Beside a template it is for the
                       functions whose Runtime is not known from there, and with
                       --function in place of that one's own
  --template FILE      a SAM or CloudFormation template: its functions with
                       their runtimes, variables and layers
  --function ID        of the template only the function with this logical id
  -- COMMAND…          what a container image or a bootstrap starts instead of a
                       runtime's own command line
  --layer PATH         a layer, folder or zip; several: a later one over an
                       earlier one. Beside a template they stand for those of
                       its layers that are not here; the rest comes over them
  --env K=V            a variable; may be given several times; of the names that
                       Lambda reserves only those of credentials
  --env-file FILE      variables from a dotenv file, below those of --env; of
                       several files an earlier one wins
  --handler H          its handler (one as in Lambda's examples)
  --init-type T        on-demand, provisioned-concurrency, snap-start or
                       lambda-managed-instances (on-demand)
  --code PATH          its code, folder or zip (none)
  --arch ARCH          amd64 or arm64 (the template's; without one that of the
                       layers' own programs, or amd64)

what is shown
  --json               one JSON document
  --strict             exit status 1 if something is left out, or keeps the
                       function from starting

The exit status is 1 if something cannot be read, or a function of the template
cannot be explained, or by --strict, and 2 if the command line is wrong.

examples
  graft explain --runtime nodejs22.x --layer my-layer
  graft explain --template template.yaml --function MyFunction
  graft explain --layer my-layer -- node server.js
`

// What ends graft explain --strict.
var (
	errStrict = errors.New("--strict: something is left out")
	errStops  = errors.New("--strict: a function does not start")
)

// explainCommand is graft explain.
func explainCommand(args []string, stdout io.Writer) error {
	var o explain.Options
	flags := flag.NewFlagSet("graft explain", flag.ContinueOnError)
	flags.StringVar(&o.Runtime, "runtime", "", "")
	flags.StringVar(&o.Template, "template", "", "")
	flags.StringVar(&o.Function, "function", "", "")
	flags.Var((*list)(&o.Layers), "layer", "")
	var env, envFiles list
	flags.Var(&env, "env", "")
	flags.Var(&envFiles, "env-file", "")
	flags.StringVar(&o.Handler, "handler", "", "")
	initType := flags.String("init-type", "", "")
	flags.StringVar(&o.Code, "code", "", "")
	flags.StringVar(&o.Arch, "arch", "", "")
	asJSON := flags.Bool("json", false, "")
	strict := flags.Bool("strict", false, "")
	var err error
	if o.Command, err = commandLine(flags, args, explainHelp, stdout); err != nil {
		return err
	}
	if err := notEmpty(flags, "runtime", "template", "function", "layer", "code", "arch", "init-type"); err != nil {
		return usageError{error: err}
	}
	if o.Arch != "" {
		if o.Arch, err = knownArch(o.Arch); err != nil {
			return err
		}
	}
	if o.Env, err = environment(env, envFiles, refuses(explainSets)); err != nil {
		return usageError{error: err}
	}
	if *initType != "" {
		if !slices.Contains(initTypes, local.InitType(*initType)) {
			return usageError{error: errInitType(local.InitType(*initType))}
		}
		o.Env = append(o.Env, "AWS_LAMBDA_INITIALIZATION_TYPE="+*initType)
	}
	results, err := explain.All(o)
	if wrong := new(explain.UsageError); errors.As(err, &wrong) {
		return usageError{error: err}
	} else if err != nil {
		return err
	}
	if *asJSON {
		err = explain.JSON(stdout, results)
	} else {
		err = explain.Text(stdout, results, show.Coloured(stdout, os.Getenv))
	}
	if err != nil {
		return err
	}
	return judge(o, results, *strict)
}

// judge returns the error that makes the exit status, nil if that is 0.
func judge(o explain.Options, results []explain.Result, strict bool) error {
	var failed []string
	for _, r := range results {
		if r.Error != "" {
			failed = append(failed, show.Line(r.Function)) // a template may be hostile
		}
	}
	has := func(list func(explain.Result) int) bool {
		return slices.ContainsFunc(results, func(r explain.Result) bool { return list(r) > 0 })
	}
	switch {
	case len(failed) > 0:
		return fmt.Errorf("%s: cannot be explained: %s", o.Template, strings.Join(failed, ", "))
	case strict && has(func(r explain.Result) int { return len(r.DoesNotStart) }):
		return errStops
	case strict && has(func(r explain.Result) int { return len(r.Skipped) }):
		return errStrict
	}
	return nil
}
