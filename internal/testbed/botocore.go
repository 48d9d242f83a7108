package testbed

import "context"

// Botocore returns a folder for PYTHONPATH with botocore in it, which is what
// the AWS CLI and boto3 speak to services with.
func (b *Bed) Botocore(ctx context.Context) (string, error) {
	fsys := pinned("botocore")
	version, err := pipVersion(fsys, "botocore")
	if err != nil {
		return "", err
	}
	return b.get(ctx, item{
		name: "botocore", version: version, pins: fsys,
		fill: func(ctx context.Context, dir string) error { return pipInstall(ctx, "python3", fsys, dir) },
	})
}
