//go:build !linux

package local

import (
	"context"
	"errors"
	"time"
)

const stopGrace = time.Second

// Main must be called first thing in main, or in TestMain.
func Main() { mainCalled.Store(true) }

type process struct {
	pid  int
	done chan struct{}
	exit Exit
}

func startProcess(Function, []string) (*process, error) {
	if !mainCalled.Load() {
		return nil, errNoMain
	}
	return nil, &NotAllowedError{What: "mount namespace", Hint: "use Linux", Err: errors.ErrUnsupported}
}

func (p *process) stop(context.Context, time.Duration) error { return nil }
func (p *process) kill() error                               { return nil }
