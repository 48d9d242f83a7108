// Command fetch puts runtimes of the test bed into the cache: those named, or
// all that can be had on this machine.
//
//	go run ./internal/testbed/fetch [NAME…]
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/graft-lambda/graft/internal/testbed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := fetch(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

func fetch(ctx context.Context, names []string) error {
	b, err := testbed.Open()
	if err != nil {
		return err
	}
	b.Fetch = true
	if len(names) == 0 {
		return b.FetchAll(ctx)
	}
	for _, name := range names {
		rt, err := b.Runtime(ctx, name)
		if err != nil {
			return err
		}
		fmt.Println(rt.Name, rt.Version)
	}
	return nil
}
