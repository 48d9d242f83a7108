package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
)

const versionHelp = `usage: graft version

Prints the version: that of the release, or of the module that go install
fetched, or devel.
`

// version is set by the linker in a release.
var version string

// versionCommand is graft version.
func versionCommand(args []string, stdout io.Writer) error {
	rest, err := operands(flag.NewFlagSet("graft version", flag.ContinueOnError), args, versionHelp, stdout)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError{error: errors.New("version: takes no arguments")}
	}
	_, err = fmt.Fprintln(stdout, "graft", versionText())
	return err
}

// versionText is the release, or the version of the module that `go install`
// fetched, or "devel".
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
