package main

import (
	"errors"
	"flag"
	"io"

	"github.com/graft-lambda/graft/internal/version"
)

const versionHelp = `usage: graft version

Prints the version: that of the release, or of the module that go install
fetched, or devel.
`

// versionCommand is graft version.
func versionCommand(args []string, stdout io.Writer) error {
	rest, err := operands(flag.NewFlagSet("graft version", flag.ContinueOnError), args, versionHelp, stdout)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError{error: errors.New("version: takes no arguments")}
	}
	return version.Print(stdout, "graft")
}
