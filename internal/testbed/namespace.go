package testbed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/keep"
)

// stage mounts what "$@" names up to "--" (pairs of a source and a target
// below /var) on a scratch tmpfs, which then takes the place of /var for the
// program that follows.
const stage = `set -e
stage=$1; shift
mount -t tmpfs tmpfs "$stage"
while [ "$1" != -- ]; do
	mkdir -p "$stage${2#/var}"
	mount --bind "$1" "$stage${2#/var}"
	shift 2
done
shift
mount --rbind "$stage" /var
cd /var/task
exec "$@"
`

// namespaced returns the command line that runs argv in a mount namespace of
// its own where the mounts stand, in the working directory /var/task. Every
// target lies below /var. The folder scratch serves as a mount point meanwhile.
//
// It is only for making and checking runtimes; functions run in the local
// Lambda environment.
func namespaced(scratch string, mounts []Mount, argv ...string) []string {
	line := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		line = append(line, "--user", "--map-root-user")
	}
	line = append(line, "--", "/bin/sh", "-c", stage, "sh", scratch)
	for _, m := range mounts {
		line = append(line, m.Source, m.Target)
	}
	return append(append(line, "--"), argv...)
}

// namespaces tells once whether this process may make mount namespaces.
var namespaces = sync.OnceValue(func() error {
	if err := keep.Tools("unshare"); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "graft-testbed-")
	if err != nil {
		return err
	}
	defer os.Remove(scratch)
	mounts := []Mount{{scratch, "/var/task"}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := keep.Run(ctx, keep.Command{Argv: namespaced(scratch, mounts, "/bin/true")}); err != nil {
		return unavailable("mount namespaces are not allowed here: %v", err)
	}
	return nil
})

// runMounted runs argv under mounts, with an empty /var/task.
func runMounted(ctx context.Context, mounts []Mount, env []string, argv ...string) (string, error) {
	if err := namespaces(); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "graft-testbed-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	task := filepath.Join(scratch, "task")
	point := filepath.Join(scratch, "var")
	for _, dir := range []string{task, point} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", err
		}
	}
	mounts = append(slices.Clone(mounts), Mount{task, "/var/task"})
	out, err := keep.Run(ctx, keep.Command{Env: env, Argv: namespaced(point, mounts, argv...)})
	if err != nil {
		return out, fmt.Errorf("%s: %w", strings.Join(argv[:min(3, len(argv))], " "), err)
	}
	return out, nil
}
