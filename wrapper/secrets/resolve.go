package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/guard"
	"github.com/graft-lambda/graft/internal/resolve"
	"github.com/graft-lambda/graft/internal/store"
)

// resolveAll answers the questions on standard input within limit.
func resolveAll(limit string) int {
	started := time.Now()
	_ = harden() // what cannot be hidden is no reason to leave the function without
	within, err := time.ParseDuration(limit)
	if err != nil || !isPipe(resolve.AnswerFile) {
		fmt.Fprintln(os.Stderr, "graft-secrets: resolve takes a duration, and is started by graft")
		return exitUsage
	}
	unix.CloseOnExec(resolve.AnswerFile)
	out := os.NewFile(resolve.AnswerFile, "answers")
	errs := silence()
	// Whoever asks may neither end the questions nor read the answers.
	time.AfterFunc(within+resolve.Grace, func() { os.Exit(exitFailed) })
	ctx, cancel := context.WithDeadline(context.Background(), started.Add(within))
	defer cancel()
	var questions []string
	var answers []reference.Answer
	err = guard.Call(func() error {
		open := beside(func() (store.Clients, error) { return store.New(ctx, store.Attempt(within/2)) })
		if questions, err = resolve.ReadQuestions(os.Stdin); err != nil {
			return err
		}
		dir, _ := os.Getwd() // only files are relative to it
		answers, err = store.Fetch(ctx, questions, within, dir, open)
		return err
	})
	if err != nil {
		fmt.Fprintln(errs, "graft-secrets:", err)
		answers = make([]reference.Answer, len(questions))
		for i := range answers {
			answers[i].Problem = err.Error()
		}
	}
	if err := resolve.WriteAnswers(out, answers); err != nil {
		fmt.Fprintln(errs, "graft-secrets: answers:", err)
		return exitFailed
	}
	return 0
}

// isPipe tells graft's pipe from a file that the run-time has opened.
func isPipe(fd int) bool {
	var stat unix.Stat_t
	return unix.Fstat(fd, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFIFO
}

// beside starts f and returns what waits for it. A panic of f becomes one of the
// waiting goroutine.
func beside[T any](f func() (T, error)) func() (T, error) {
	var value T
	var err error
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		value, err = f()
	}()
	return func() (T, error) {
		<-done
		if panicked != nil {
			panic(panicked)
		}
		return value, err
	}
}
