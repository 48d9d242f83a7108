package testbed

import (
	"path/filepath"
	"runtime"

	"github.com/graft-lambda/graft/internal/keep"
)

// mirrors are where machines keep Terraform's providers, in Terraform's own
// layout: HOST/NAMESPACE/NAME/VERSION/SYSTEM.
var mirrors = []string{"/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt/*"}

// Terraform returns the path of the program, and the options that make its
// command init take AWS's provider from a folder of this machine if there is
// one. Else Terraform fetches the provider from where it is set up to.
func (b *Bed) Terraform() (program string, init []string, err error) {
	if program, err = keep.Tool("terraform"); err != nil {
		return "", nil, err
	}
	for _, mirror := range mirrors {
		found, err := filepath.Glob(filepath.Join(mirror, "*/hashicorp/aws/*", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-aws*"))
		if err != nil {
			return "", nil, err
		}
		if len(found) > 0 {
			dir := found[0]
			for range 6 {
				dir = filepath.Dir(dir)
			}
			return program, []string{"-plugin-dir=" + dir}, nil
		}
	}
	if !b.Fetch {
		return "", nil, unavailable("no provider of AWS for Terraform on this machine")
	}
	return program, nil, nil
}
