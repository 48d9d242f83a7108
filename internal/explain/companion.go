package explain

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/layers"
	"github.com/graft-lambda/graft/layers/check"
)

// onlyRun reports whether a fragment is for the companion alone.
func onlyRun(f fragment.Fragment) bool {
	return len(f.Run) > 0 && len(f.Vars) == 0 && len(f.Args) == 0
}

// companion tells what runs beside the runtime, the companion, if the wrapper
// is to start it, and its programs; and what of it does not run.
func companion(s Subject, d inject.Decision) (notes, skips []Skip) {
	external := executable(s.Root, layers.CompanionFile(layers.External))
	forked := executable(s.Root, layers.CompanionFile(layers.Forked))
	if forked {
		file := "/opt/" + layers.CompanionFile(layers.Forked)
		if arch := architecture(s.Root, file); arch != "" && arch != s.Arch {
			skips = append(skips, Skip{Reason: fmt.Sprintf("%s: is for %s, the function is for %s: it does not start", file, arch, s.Arch)})
			forked = false
		} else {
			notes = append(notes, Skip{Reason: "graft starts " + file + " first, beside the runtime, which waits for it up to a second"})
		}
	}
	there, runs := external || forked, "the companion runs %s beside the function"
	if !there && s.Open {
		there, runs = true, "the companion, once graft build or another layer brings it, runs %s beside the function"
	}
	const none = "no layer has the companion, which %s: make the layer with graft build, and not with --companion none"
	for _, f := range d.Fragments {
		if len(f.Run) == 0 || slices.Contains(d.Settings.Disabled, f.Name) {
			continue
		}
		program := f.Run[0]
		switch err := startable(s, program); {
		case !there:
			skips = append(skips, Skip{f.Name, f.File, "GRAFT_RUN: " + fmt.Sprintf(none, "runs "+program)})
		case err != nil:
			skips = append(skips, Skip{f.Name, f.File, fmt.Sprintf("GRAFT_RUN: %s: %v: the companion cannot start it, and the function runs without it", program, err)})
		default:
			notes = append(notes, Skip{f.Name, f.File, fmt.Sprintf(runs, program)})
		}
	}
	if value, _ := d.Before.Env.Lookup("GRAFT_TELEMETRY"); value != "" && !there {
		skips = append(skips, Skip{Reason: "GRAFT_TELEMETRY: " + fmt.Sprintf(none, "sends it")})
	}
	return notes, skips
}

// startable returns why a program cannot be started.
func startable(s Subject, program string) error {
	if err := check.Startable(s.Root, program); err != nil {
		return err
	}
	if arch := architecture(s.Root, program); arch != "" && arch != s.Arch {
		return fmt.Errorf("is for %s, the function is for %s", arch, s.Arch)
	}
	return nil
}

// executable reports whether a file below /opt may be executed.
func executable(root fs.FS, name string) bool {
	info, err := fs.Stat(root, "opt/"+name)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
