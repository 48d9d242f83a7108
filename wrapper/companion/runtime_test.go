//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/graft-lambda/graft/internal/local"
)

// runtimeName is the name under which this test program is a runtime.
const runtimeName = "runtime"

// serveFunction is a function and its runtime. Its events are words: crash ends
// it, all else it prints and returns. With STUBBORN set it ignores SIGTERM. Of a
// snapshot it waits for the restore.
func serveFunction() {
	if os.Getenv("STUBBORN") != "" {
		signal.Ignore(syscall.SIGTERM)
	}
	runtime := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	if os.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") == string(local.SnapStart) {
		if res, err := http.Get(runtime + "restore/next"); err != nil || res.StatusCode != http.StatusOK {
			os.Exit(2)
		}
	}
	base := runtime + "invocation/"
	for {
		res, err := http.Get(base + "next")
		if err != nil || res.StatusCode != http.StatusOK {
			os.Exit(2)
		}
		event, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(event) == `"crash"` {
			os.Exit(1)
		}
		if string(event) == strconv.Quote(printEvent) {
			printLines()
		}
		fmt.Println("function:", string(event))
		meet(string(event))
		res, err = http.Post(base+res.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(event))
		if err != nil {
			os.Exit(2)
		}
		res.Body.Close()
	}
}
