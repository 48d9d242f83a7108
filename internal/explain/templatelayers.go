package explain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/layers"
	"github.com/graft-lambda/graft/layers/check"
)

// addLayers finds the function's layers. Those in given stand for the ones that
// are not here, in this order, and what is left of them comes on top. A layer
// of the template for which there is none is an error, one that lies elsewhere
// a remark.
func (t *target) addLayers(all template.Template, f template.Function, dir string, given []string) error {
	var missing []string
	for _, v := range f.Layers.Items {
		s, why, err := find(all, v, dir)
		switch {
		case err == nil && why == "":
			t.layers = append(t.layers, s)
		case len(given) > 0:
			t.remark("line %d: %s stands for the layer %s", v.Line, given[0], layerName(v))
			t.layers = append(t.layers, source{file: given[0]})
			given = given[1:]
		case err != nil:
			missing = append(missing, err.Error())
		default:
			t.unknownLayer(v.Line, why)
		}
	}
	if f.Layers.Unknown != "" {
		t.unknownLayer(f.Layers.Line, f.Layers.Unknown)
	}
	for _, file := range given {
		t.layers = append(t.layers, source{file: file})
	}
	if len(missing) > 0 {
		return errors.New(strings.Join(missing, "; "))
	}
	return nil
}

func (t *target) unknownLayer(line int, what string) {
	t.open = true
	t.remark("line %d: what is in the layer %s is not known; give its folder or zip with --layer", line, what)
}

// layerName is how the template names a layer.
func layerName(v template.Value) string {
	for _, text := range []string{v.Ref, v.Text} {
		if text != "" {
			return text
		}
	}
	return v.Unknown
}

// find returns where a layer of the template is, or why that cannot be known.
// The error is about one that ought to be here.
func find(all template.Template, v template.Value, dir string) (s source, unknown string, err error) {
	l, ok := all.Layer(v.Ref)
	if !ok {
		return s, layerName(v), nil
	}
	s = source{line: l.Line, id: l.ID}
	at := l.Place(func(folder string) bool {
		entries, err := os.ReadDir(below(dir, folder))
		return err == nil && len(entries) > 0
	})
	if at.Path == "" {
		return s, l.ID + ", " + l.Content.Unknown, nil
	}
	s.file, s.sam = below(dir, at.Path), at.Made != ""
	if outside(dir, s.file) {
		return s, "", fmt.Errorf("line %d: the layer %s (line %d) %w: give its folder or zip with --layer", v.Line, l.ID, l.Line, check.ErrOutside)
	}
	// What sam build works on may be anything, such as a folder with a Makefile.
	if s.sam && !looksLikeLayer(s.file) {
		return s, "", fmt.Errorf("line %d: the layer %s (line %d) is not built: run sam build, or give its folder or zip with --layer", v.Line, l.ID, l.Line)
	}
	if _, err := os.Stat(s.file); err != nil {
		return s, "", fmt.Errorf("line %d: the layer %s (line %d: %s) is not there: %s, or give its folder or zip with --layer",
			v.Line, l.ID, l.Line, l.Content.Text, howToBuild(s.file))
	}
	return s, "", nil
}

// looksLikeLayer reports whether a folder has what graft reads, or graft.
func looksLikeLayer(dir string) bool {
	for _, name := range []string{layers.Programs()[0], "graft.d"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// howToBuild is the command that makes a layer's zip, as far as its name tells.
func howToBuild(file string) string {
	for _, arch := range []string{"amd64", "arm64"} {
		if name, ok := strings.CutSuffix(filepath.Base(file), "-"+arch+".zip"); ok {
			return fmt.Sprintf("run graft build --arch %s --name %s --out %s FOLDER", arch, name, filepath.Dir(file))
		}
	}
	return "make it first, by graft build or what else builds it"
}

// outside reports whether a path of a template in dir leads where the template
// has no say.
func outside(dir, file string) bool {
	real, err := template.RealPath(file)
	return err == nil && !template.ReachOf(filepath.Join(dir, "template")).Holds(real)
}

// below is a path of the template, which is relative to its folder.
func below(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, filepath.FromSlash(file))
}
