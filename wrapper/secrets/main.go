// Graft-secrets fetches settings and secrets from Parameter Store, Secrets
// Manager and files. It is the one program of graft that links the AWS SDK; a
// layer may leave it out.
//
//	graft-secrets resolve DURATION   what the wrapper and the companion start
//	graft-secrets serve              an extension's program, for GRAFT_RUN
package main

import (
	"fmt"
	"os"
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
	case len(args) == 2 && args[0] == "resolve":
		return resolveAll(args[1])
	case len(args) == 1 && args[0] == "serve":
		return serve()
	}
	fmt.Fprintln(os.Stderr, "usage: graft-secrets serve\ngraft's wrapper starts graft-secrets resolve itself.")
	return exitUsage
}
