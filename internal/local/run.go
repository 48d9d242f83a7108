package local

import (
	"context"
	"errors"
	"time"
)

// Run runs the function's command once, as it would stand in Lambda but
// without its API and without extensions, and returns how it ended. What it
// left running is ended too. An error means that the command did not run;
// errors.Is knows the reason (fs.ErrNotExist, [NotAllowedError] …). If ctx
// ends first the command is killed and the error is that of ctx.
func Run(ctx context.Context, f Function) (Exit, error) {
	never := Exit{Code: -1}
	f, err := f.prepared()
	if err != nil {
		return never, err
	}
	stage, err := openStage(f, "")
	if err != nil {
		return never, err
	}
	p, err := stage.start(f.process(environ(f, "", "", time.Now())))
	if err != nil {
		return never, errors.Join(err, stage.close())
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if failure := stage.close(); failure != nil {
		return never, errors.Join(err, failure)
	}
	return p.exit, err
}
