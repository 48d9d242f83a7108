package check

import (
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// layout checks that what belongs directly below /opt is packed so, and not
// once more in a folder or a zip.
func (l *Layer) layout() {
	tops := map[string]bool{}
	for name := range l.entries {
		top, _, _ := strings.Cut(name, "/")
		tops[top] = true
	}
	count := l.count()
	for _, e := range l.files() {
		top, rest, _ := strings.Cut(path.Dir(e.name), "/")
		_, isFragment := fragment.AgentName(path.Base(e.name))
		switch {
		case rest == "graft.d" && isFragment && !tops["graft.d"]:
			l.found.add("layer-nested", l.place(top), 0, "graft.d lies in %s: graft reads /opt/graft.d only", top)
		case top == "opt" && len(tops) == 1:
			l.found.add("layer-nested", l.place(top), 0, "all lies in opt: Lambda unpacks it to /opt/opt")
			return
		case count == 1 && !l.folder && strings.HasSuffix(strings.ToLower(e.name), ".zip"):
			l.found.add("layer-nested", e.place(), 0, "is all that there is: a zip within a zip is not unpacked")
		}
	}
	if l.packed > 0 && count == 0 && len(l.found) == 0 {
		l.found.add("layer-empty", l.Name, 0, "has no files")
	}
}
