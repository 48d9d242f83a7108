// Graft-secrets fetches settings and secrets from Parameter Store, Secrets
// Manager and files. It is the one program of graft that links the AWS SDK; a
// layer may leave it out.
//
//	graft-secrets resolve DURATION   what the wrapper and the companion start
//	graft-secrets serve              an extension's program, for GRAFT_RUN
//	graft-secrets version            the release, or devel
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/graft-lambda/graft/internal/version"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

func run(args []string) int {
	switch {
	case len(args) > 0 && slices.Contains([]string{"help", "-h", "-help", "--help"}, args[len(args)-1]):
		fmt.Print(usage)
		return 0
	case len(args) == 1 && slices.Contains([]string{"version", "-v", "-version", "--version"}, args[0]):
		_ = version.Print(os.Stdout, "graft-secrets") // as with the help: nobody is there to be told
		return 0
	case len(args) == 2 && args[0] == "resolve":
		return resolveAll(args[1])
	case len(args) == 1 && args[0] == "serve":
		return serve()
	}
	fmt.Fprint(os.Stderr, usage)
	return exitUsage
}

const usage = `usage: graft-secrets serve
       graft-secrets version

Serve answers on localhost:2773 as AWS's Parameters and Secrets extension does, until
SIGTERM. In a layer a fragment's line starts it: GRAFT_RUN=/opt/graft-secrets serve

The values of references (ref+…) need no command: /opt/graft and the companion
start graft-secrets themselves.
`
