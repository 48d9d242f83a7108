//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// fakes are the names under which this program is a runtime that only tells
// what it was started with.
var fakes = []string{"java", "node", "python3.12", "python3", "dotnet", "ruby", "bootstrap"}

// fakeRuntime prints its arguments and, sorted because shells do not keep the
// order, what of its environment Lambda itself did not set.
func fakeRuntime() {
	if slices.Equal(os.Args[1:], []string{"-version"}) {
		fmt.Fprintln(os.Stderr, `openjdk version "21.0.8" 2025-07-15 LTS`)
		return
	}
	var out bytes.Buffer
	for _, arg := range os.Args {
		fmt.Fprintf(&out, "arg %q\n", arg)
	}
	for _, entry := range slices.Sorted(slices.Values(os.Environ())) {
		if !fromLambda(entry) {
			if n := len(entry); n > 10_000 {
				entry = fmt.Sprintf("%s… (%d bytes)", entry[:30], n)
			}
			fmt.Fprintf(&out, "env %q\n", entry)
		}
	}
	os.Stdout.Write(out.Bytes())
}

// fromLambda reports whether every function has this variable.
func fromLambda(entry string) bool {
	name, value, _ := strings.Cut(entry, "=")
	switch name {
	case "PATH":
		return value == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
	case "LD_LIBRARY_PATH":
		return value == "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
	case "_HANDLER":
		return value == ""
	case "LANG", "TZ", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR":
		return true
	// What a shell adds by itself.
	case "PWD", "SHLVL", "_", "OLDPWD":
		return true
	}
	return name != "AWS_LAMBDA_EXEC_WRAPPER" && name != "AWS_EXECUTION_ENV" &&
		(strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "_AWS_"))
}
