package explain

import (
	"fmt"
	"slices"

	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/template"
)

// fromImage finds the command line of a container image.
func (t *target) fromImage(f template.Function) error {
	t.dir = f.Image.Directory.Text
	t.remark("a container image: its own files are not looked at, and Lambda runs no %s there but in its own base images", managed.ExecWrapper)
	if len(t.command) == 0 {
		for _, v := range slices.Concat(f.Image.EntryPoint.Items, f.Image.Command.Items) {
			if !v.Known() {
				return fmt.Errorf("line %d: its command line is not known from the template: give it behind --", v.Line)
			}
			t.command = append(t.command, v.Text)
		}
		if len(f.Image.EntryPoint.Items) == 0 {
			return fmt.Errorf("line %d: the ENTRYPOINT of its image is not in the template: give the whole command line behind --", f.Line)
		}
	}
	if t.command[0] != self {
		t.remark("the command line does not begin with %s; shown is what it would do in front of it", self)
	} else if t.command = t.command[1:]; len(t.command) == 0 {
		return fmt.Errorf("line %d: its command line has no program behind %s", f.Line, self)
	}
	return nil
}
