package template

import (
	"path"
	"path/filepath"
)

// built is the folder of what sam build makes, beside the template.
const built = ".aws-sam/build"

// A Place is where the files of a layer are.
type Place struct {
	// Path is absolute, or relative to the template's folder, with slashes; empty
	// if the template does not say it.
	Path string
	// Made is where sam build is still to make what ships out of Path; empty for
	// files that ship as they are.
	Made string
}

// Place says where a layer's files are: what sam build made of its content, or
// the content itself. filled reports whether there is something in a folder,
// whose path is as in Place: a build that fails leaves an empty one.
func (l Layer) Place(filled func(folder string) bool) Place {
	p := Place{Path: l.Content.Text}
	if !l.BuildMethod.Set() {
		return p
	}
	made := path.Join(built, l.ID)
	if l.Built {
		made = p.Path
	}
	if filled(made) {
		return Place{Path: made}
	}
	p.Made = made
	return p
}

// Where is the nested template's path, seen from where that of the template
// leads from, or why there is none.
func (n Nested) Where(template string) string {
	switch {
	case !n.Location.Known():
		return n.Location.Unknown
	case filepath.IsAbs(n.Location.Text):
		return n.Location.Text
	}
	return path.Join(path.Dir(filepath.ToSlash(template)), n.Location.Text)
}
