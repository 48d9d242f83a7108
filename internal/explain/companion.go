package explain

import (
	"io/fs"
	"slices"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/layers"
)

// onlyRun reports whether a fragment is for the companion alone.
func onlyRun(f fragment.Fragment) bool {
	return len(f.Run) > 0 && len(f.Vars) == 0 && len(f.Args) == 0
}

// companion notes what runs beside the runtime: the companion, if the wrapper
// is to start it, and its programs.
func companion(root fs.FS, d inject.Decision, files map[string]string) []Skip {
	var notes []Skip
	file := "/opt/" + layers.CompanionFile(layers.Forked)
	info, err := fs.Stat(root, fragment.Rel(file))
	if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
		notes = append(notes, Skip{Reason: "graft starts " + file + " first, beside the runtime, which waits for it up to a second"})
	}
	for _, f := range d.Fragments {
		if len(f.Run) > 0 && !slices.Contains(d.Settings.Disabled, f.Name) {
			notes = append(notes, Skip{f.Name, files[f.Name], "the companion runs " + f.Run[0] + " beside the function"})
		}
	}
	return notes
}
