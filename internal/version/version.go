// Package version is what graft's commands say of themselves when they are asked
// for their version.
package version

import (
	"fmt"
	"io"
	"runtime/debug"
)

// Linked is the package's variable that the linker sets in a release, as its
// option -X wants it.
const Linked = "github.com/graft-lambda/graft/internal/version.linked"

var linked string

// Print writes the line that the command name answers with.
func Print(w io.Writer, name string) error {
	_, err := fmt.Fprintln(w, name, text())
	return err
}

// text is the release, or the version of the module that `go install` fetched,
// or "devel".
func text() string {
	if linked != "" {
		return linked
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
