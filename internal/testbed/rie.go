package testbed

import (
	"context"
	"os"
	"path/filepath"
)

// RIE returns the path of AWS's Runtime Interface Emulator for this machine.
//
// Always start it with both --runtime-interface-emulator-address and
// --runtime-api-address on 127.0.0.1: without them it listens on every
// interface, and it has no option that only prints something.
func (b *Bed) RIE(ctx context.Context) (string, error) {
	fsys := pinned("rie")
	version, err := pipVersion(fsys, "aws-sam-cli")
	if err != nil {
		return "", err
	}
	dir, err := b.get(ctx, item{
		name: "aws-lambda-rie", version: version, pins: fsys,
		fill: func(ctx context.Context, dir string) error {
			work := filepath.Join(dir, "work")
			if err := os.Mkdir(work, 0o755); err != nil {
				return err
			}
			if err := pipInstall(ctx, "python3", fsys, work); err != nil {
				return err
			}
			if err := move(filepath.Join(work, "samcli/local/rapid"), dir, "aws-lambda-rie-x86_64"); err != nil {
				return err
			}
			if err := os.RemoveAll(work); err != nil {
				return err
			}
			return executable(dir, "aws-lambda-rie-*")
		},
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "aws-lambda-rie-x86_64"), nil
}
