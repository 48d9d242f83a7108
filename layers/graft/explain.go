package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/explain"
)

const explainUsage = `usage: graft explain [--runtime NAME|all] [--layer PATH]… [--env NAME=VALUE]… [--env-file FILE] [--handler H] [--code PATH]
                     [--template FILE [--function ID]] [--arch amd64|arm64] [--json] [--strict] [-- COMMAND…]`

// errStrict ends `graft explain --strict` when something is left out.
var errStrict = errors.New("--strict: something is left out")

// runExplain says what graft would do to a function.
func runExplain(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("graft explain", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, explainUsage)
		flags.PrintDefaults()
	}
	var o explain.Options
	add := func(list *[]string) func(string) error {
		return func(s string) error { *list = append(*list, s); return nil }
	}
	flags.StringVar(&o.Runtime, "runtime", "", "Lambda's name of the runtime, such as nodejs22.x; all: every one")
	flags.Func("layer", "folder or zip of a layer; several in stack order", add(&o.Layers))
	flags.Func("env", "a variable of the function, NAME=VALUE; its value is never shown", add(&o.Env))
	flags.Func("env-file", "a dotenv file with variables of the function; --env wins over it", func(file string) error {
		vars, err := readEnvFile(file)
		o.Env = slices.Concat(vars, o.Env)
		return err
	})
	flags.StringVar(&o.Handler, "handler", "", "the function's handler; that of an example if not given")
	flags.StringVar(&o.Code, "code", "", "folder or zip of the function's code")
	flags.StringVar(&o.Arch, "arch", "", "amd64 or arm64; the template's, or amd64, if not given")
	flags.StringVar(&o.Template, "template", "", "a SAM or CloudFormation template: its functions with their layers")
	flags.StringVar(&o.Function, "function", "", "logical id of one function of the template")
	asJSON := flags.Bool("json", false, "write JSON")
	strict := flags.Bool("strict", false, "exit with status 1 if something is left out")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		// The flags' own message is printed already.
		return &explain.UsageError{Problem: "graft explain -h shows how it is used"}
	}
	o.Command = flags.Args()
	results, err := explain.All(o)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	if *asJSON {
		err = explain.JSON(stdout, results)
	} else {
		err = explain.Text(stdout, results, coloured(stdout))
	}
	if err == nil && *strict && slices.ContainsFunc(results, func(r explain.Result) bool { return len(r.Skipped) > 0 }) {
		err = errStrict
	}
	return err
}

// readEnvFile reads the variables of a dotenv file. No error quotes it.
func readEnvFile(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fragment.MaxSize+1))
	if err != nil {
		return nil, err
	}
	vars, err := fragment.ParseEnvFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var env []string
	for _, v := range vars {
		env = append(env, v.Name+"="+v.Value)
	}
	return env, nil
}

// coloured reports whether w is a terminal that wants colours
// (https://no-color.org).
func coloured(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || strings.HasPrefix(os.Getenv("TERM"), "dumb") {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// status is the exit status that an error makes.
func status(err error) int {
	var usage *explain.UsageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}
