// Graft builds layers and tries them out.
//
//	graft build [--arch amd64,arm64] [--out dist] [--name N] [--into DIR] [--companion C] [FOLDER…]
//	graft run [--layer PATH]… [--code DIR] [--event JSON|FILE]… [FLAG…] -- COMMAND…
//
// Build makes OUT/NAME-ARCH.zip of the wrapper, the companion and the layer
// folders given; a folder looks like /opt itself. Run does what Lambda would do with a function
// and layers, on this machine. `graft COMMAND -h` lists the flags.
//
// Answers go to standard output, everything else to standard error. The exit
// status is 0 if all went well, 1 if something failed, 2 if the command line
// is wrong, and 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/session"
)

const usage = `graft puts agents into Lambda functions, as one layer.

  graft build [FLAG…] [FOLDER…]      make a layer of these folders
  graft run [FLAG…] -- COMMAND…      run a function with layers on this machine

graft build -h and graft run -h say more.
`

// The exit statuses besides 0.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell's, after SIGINT
)

// A usageError is about the command line, not about what it asks for. Help,
// if there is some, is printed below it.
type usageError struct {
	error
	help string
}

func main() {
	local.Main() // returns, but for the environment's own processes
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends what does not end in time
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run does what args say and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout, stderr)
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, "graft:", err)
		if wrong.help != "" {
			fmt.Fprint(stderr, "\n", wrong.help)
		}
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return exitInterrupted
	case errors.Is(err, session.ErrFailed):
		return exitFailed // all has been said
	}
	fmt.Fprintln(stderr, "graft:", err)
	return exitFailed
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "build":
		return build(ctx, args, stdout, stderr)
	case "run":
		return try(ctx, args, stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	case "":
		return usageError{errors.New("no command given"), usage}
	}
	return usageError{fmt.Errorf("no command %q", name), usage}
}

// parse reads the flags of a command. Help goes where it was asked for, an
// error comes back.
func parse(flags *flag.FlagSet, args []string, help string, stdout io.Writer) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return err
	case err != nil:
		return usageError{error: fmt.Errorf("%w; %s -h lists the flags", err, flags.Name())}
	}
	return nil
}
