//go:build !linux

package local

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// Main must be called first thing in main, or in TestMain.
func Main() { mainCalled.Store(true) }

type stage struct{ extensions []string }

func openStage(Function, string) (*stage, error) {
	if !mainCalled.Load() {
		return nil, errNoMain
	}
	return nil, &NotAllowedError{What: "mount namespace", Hint: "use Linux", Err: errors.ErrUnsupported}
}

func (s *stage) start(spec) (*process, error)  { return nil, errors.ErrUnsupported }
func (s *stage) clear() error                  { return nil }
func (s *stage) close() error                  { return nil }
func (s *stage) freeze() error                 { return nil }
func (s *stage) setClocks(time.Duration) error { return nil }
func (s *stage) thaw()                         {}
func (s *stage) drain()                        {}
func (s *stage) peakMemory() int64             { return 0 }

type process struct {
	pid   int
	done  chan struct{}
	ended time.Time
	exit  Exit
}

func (p *process) signal(syscall.Signal)                     {}
func (p *process) stop(context.Context, time.Duration) error { return nil }
