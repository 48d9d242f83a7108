//go:build linux && !amd64

package local

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// setClocks sets the clocks of all processes ahead.
func (s *stage) setClocks(time.Duration) error {
	return fmt.Errorf("clock: not on %s: %w", runtime.GOARCH, errors.ErrUnsupported)
}
