// Graft builds layers.
//
//	graft build [--arch amd64,arm64] [--out dist] [--name N] [--oci DIR] [--into DIR] [FOLDER…]
//
// makes OUT/NAME-ARCH.zip of the wrapper and the layer folders given; a folder
// looks like /opt itself. Without a folder it is the bare layer. --oci writes
// the same layer as an OCI image layout too, for a Dockerfile's COPY --from=.
// With --into the files go into a folder instead, as `sam build` wants them.
//
//	graft version
//
// prints the version.
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
)

const usage = buildUsage + "\n       graft version"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "graft:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	switch {
	case len(args) > 0 && args[0] == "build":
		return build(ctx, args[1:], stdout, stderr)
	case len(args) == 1 && args[0] == "version":
		_, err := fmt.Fprintln(stdout, "graft", versionText())
		return err
	}
	return errors.New(usage)
}
