// Graft-secrets is the program that will fetch settings and secrets for a
// function. This version fetches nothing, and says so.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "graft-secrets: not built into this version")
	os.Exit(1)
}
