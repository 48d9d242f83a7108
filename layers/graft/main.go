// Graft builds layers, checks them, says what they do, and tries them out.
//
//	graft build [FLAG…] [FOLDER…]      make a layer of these folders
//	graft check [FLAG…] PATH…          find mistakes in layers and templates
//	graft explain [FLAG…]              say what graft will do to a function
//	graft run [FLAG…] -- COMMAND…      run a function with layers on this machine
//	graft version                      print the version
//
// graft COMMAND -h lists the flags, and says what each is for.
//
// Answers go to standard output, everything else to standard error. The exit
// status is 0 if all went well, 1 if something failed or was found, 2 if the
// command line is wrong, and 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/session"
	"github.com/graft-lambda/graft/internal/show"
)

const usage = `graft puts agents into Lambda functions, as one layer.

  graft build [FLAG…] [FOLDER…]      make a layer of these folders
  graft check [FLAG…] PATH…          find mistakes in layers and templates
  graft explain [FLAG…]              say what graft will do to a function
  graft run [FLAG…] -- COMMAND…      run a function with layers on this machine
  graft version                      print the version

graft COMMAND -h, or graft help COMMAND, says more.
`

// The exit statuses besides 0.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell's, after SIGINT
)

// A usageError is about the command line itself, not about what it asks for.
type usageError struct {
	error
	help string // printed below the error, if there is any
}

func main() {
	local.Main() // returns, but for the environment's own processes
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends what does not end in time
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run does what args say and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout, stderr)
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, "graft:", show.Lines(err.Error()))
		if wrong.help != "" {
			fmt.Fprint(stderr, "\n", wrong.help)
		}
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return exitInterrupted
	case errors.Is(err, session.ErrFailed), errors.Is(err, errFindings):
		return exitFailed // all has been said
	}
	fmt.Fprintln(stderr, "graft:", show.Lines(err.Error())) // there may be a hostile file's words in it
	return exitFailed
}

// dispatch runs the command that the first argument names.
func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "build":
		return buildCommand(ctx, args, stdout, stderr)
	case "check":
		return untilDone(ctx, func() error { return checkCommand(args, stdout) })
	case "explain":
		return untilDone(ctx, func() error { return explainCommand(args, stdout) })
	case "run":
		return runCommand(ctx, args, stdout, stderr)
	case "version", "-v", "-version", "--version":
		return versionCommand(args, stdout)
	case "help", "-h", "-help", "--help":
		return helpCommand(args, stdout)
	case "":
		return usageError{errors.New("no command given"), usage}
	}
	return noCommand(name)
}

// noCommand is the error for what is no command.
func noCommand(name string) error {
	if strings.HasPrefix(name, "-") {
		return usageError{fmt.Errorf("%q: a command comes first, and its flags behind it", name), usage}
	}
	return usageError{fmt.Errorf("no command %q%s", name, meant("graft ", name, slices.Sorted(maps.Keys(helps)))), usage}
}

// helps is what graft COMMAND -h prints, by command.
var helps = map[string]string{
	"build": buildHelp, "check": checkHelp, "explain": explainHelp, "run": runHelp, "version": versionHelp, "help": usage,
}

// helpCommand is graft help: it prints the help of graft, or of the command that
// args name.
func helpCommand(args []string, stdout io.Writer) error {
	if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		args = args[1:]
	}
	name := "help"
	switch len(args) {
	case 0:
	case 1:
		name = args[0]
	default:
		return usageError{error: errors.New("help: one command at a time")}
	}
	text, ok := helps[name]
	if !ok {
		return noCommand(name)
	}
	_, err := fmt.Fprint(stdout, text)
	return err
}

// untilDone calls do, and returns as soon as ctx ends though do still runs: this
// program ends then, and do leaves nothing behind whenever it is cut short.
func untilDone(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
