package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/layers/check"
)

// checkPaths checks layers and at most one template.
func checkPaths(opt check.Options, paths []string) (check.Report, error) {
	file := ""
	var named []string
	for _, p := range paths {
		switch {
		case !isTemplate(p):
			if err := looksLikeLayer(p); err != nil {
				return check.Report{}, usageError{error: err}
			}
			named = append(named, p)
		case file != "":
			return check.Report{}, usageError{error: fmt.Errorf("%q and %q: one template at a time", file, p)}
		default:
			file = p
		}
	}
	o := opener{opened: map[string]*check.Layer{}}
	defer o.close()
	var list []*check.Layer
	for _, p := range named {
		l, err := o.open(p)
		if err != nil {
			return check.Report{}, err
		}
		list = append(list, l)
	}
	if file == "" {
		return check.Layers(opt, list...), nil
	}
	data, err := template.ReadFile(file)
	if err != nil {
		return check.Report{}, err
	}
	reach := template.ReachOf(file, named...)
	return check.Template(opt, filepath.ToSlash(filepath.Clean(file)), data, func(p string) (*check.Layer, error) {
		if !filepath.IsAbs(p) {
			p = filepath.Join(filepath.Dir(file), filepath.FromSlash(p))
		}
		if real, err := template.RealPath(p); err == nil && !reach.Holds(real) {
			return nil, check.ErrOutside
		}
		return o.open(p)
	}, list...), nil
}

// An opener opens each layer once, however often and by whatever links it is
// named.
type opener struct{ opened map[string]*check.Layer }

func (o opener) open(file string) (*check.Layer, error) {
	real, err := template.RealPath(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, fragment.Cause(err))
	}
	if l := o.opened[real]; l != nil {
		return l, nil
	}
	l, err := check.Open(file)
	if err == nil {
		o.opened[real] = l
	}
	return l, err
}

func (o opener) close() {
	for _, l := range o.opened {
		_ = l.Close()
	}
}

// isTemplate reports whether a path is a template's by its name.
func isTemplate(file string) bool {
	ext := strings.ToLower(filepath.Ext(file))
	info, err := os.Stat(file)
	return slices.Contains([]string{".yaml", ".yml", ".json", ".template"}, ext) && (err != nil || !info.IsDir())
}

var errNoLayer = errors.New("is neither a layer, which is a folder that looks like /opt or a zip, " +
	"nor a template, whose name ends with .yaml, .yml, .json or .template")

// looksLikeLayer returns an error for what is there and is meant otherwise: a
// file that is no zip, and the folder of a project. It is a guess by what
// stands first in a file, and by what folders layers have.
func looksLikeLayer(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil // check.Open says it
	case info.IsDir():
		if file := projectTemplate(path); file != "" {
			return fmt.Errorf("%q looks like a project, not like a layer: graft check %s", path, file)
		}
	case info.Mode().IsRegular() && strings.ToLower(filepath.Ext(path)) != ".zip" && !startsAsZip(path):
		return fmt.Errorf("%q %w", path, errNoLayer)
	}
	return nil
}

// projectTemplate is the template in a folder that has nothing of a layer.
// https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
func projectTemplate(dir string) string {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	if slices.ContainsFunc([]string{"graft.d", "extensions", "nodejs", "python", "java", "ruby", "bin", "lib"}, has) {
		return ""
	}
	names := []string{"template.yaml", "template.yml", "template.json"}
	if i := slices.IndexFunc(names, has); i >= 0 {
		return filepath.Join(dir, names[i])
	}
	return ""
}

// startsAsZip reports whether a file begins with an entry, or with the end of a
// zip that has none. One that cannot be read may be a zip.
func startsAsZip(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return true
	}
	defer f.Close()
	start := make([]byte, 4)
	if _, err := io.ReadFull(f, start); err != nil {
		return false
	}
	return string(start) == "PK\x03\x04" || string(start) == "PK\x05\x06"
}
