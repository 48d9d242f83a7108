package check

import (
	"io/fs"
	"strings"
)

// extensions checks what Lambda starts: every entry of /opt/extensions that is
// no folder, hidden files and links too. One that cannot be started ends the
// function (Extension.LaunchError).
func (s *stack) extensions(r *root) {
	list, err := fs.ReadDir(r, "opt/extensions")
	if err != nil {
		return
	}
	count := 0
	for _, d := range list {
		link := r.nodes["opt/extensions/"+d.Name()]
		if d.IsDir() || link == nil {
			continue
		}
		count++
		e, err := r.entry("opt/extensions/" + d.Name())
		add := func(format string, args ...any) {
			link.layer.found.add("not-an-extension", link.place(), 0, format, args...)
		}
		switch {
		case err != nil:
			add("a link to nothing")
		case e == nil || e.mode.IsDir():
			add("a link to a folder")
		case e.runs():
			// Whether it may be executed is told of every program.
		case e.object != nil:
			if e.program() && e.object.Soname == "" && !strings.Contains(e.name, ".so") {
				continue // a static program that can be loaded anywhere
			}
			add("a shared library")
		case strings.HasPrefix(d.Name(), "."):
			add("a hidden file, which Lambda starts, too")
		case e.size == 0:
			add("an empty file")
		case !e.program():
			add("neither a program nor executable")
		default:
			add("neither a native program nor a script that begins with #!")
		}
	}
	if count > maxExtensions {
		s.whole("too-many-extensions", "%d files in extensions; Lambda takes %d extensions, internal ones included", count, maxExtensions)
	}
}
