package local

import (
	"context"
	"time"
)

// Run runs the function's command once, as it would stand in Lambda but
// without a Runtime API, and returns how it ended. What it left running is
// ended too. An error means that the command did not run; errors.Is knows the
// reason (fs.ErrNotExist, [NotAllowedError] …). If ctx ends first the command is killed and the error is that of ctx.
func Run(ctx context.Context, f Function) (Exit, error) {
	f, err := f.prepared()
	if err != nil {
		return Exit{Code: -1}, err
	}
	p, err := startProcess(f, environ(f, "", time.Now()))
	if err != nil {
		return Exit{Code: -1}, err
	}
	select {
	case <-p.done:
		return p.exit, nil
	case <-ctx.Done():
		if err := p.kill(); err != nil {
			return Exit{Code: -1}, err
		}
		return p.exit, ctx.Err()
	}
}
