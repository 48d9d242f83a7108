package inject

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// Ruby takes its options apart at white space and nothing groups, so that a
// path with a blank cannot stand in RUBYOPT: RUBYLIB and a bare name do it.
var ruby = language{
	name:    fragment.Ruby,
	program: func(base string) (fragment.Version, bool) { return named(base, "ruby") },
	options: &options{
		owner: []string{"RUBYOPT"},
		env:   "RUBYOPT",
		split: splitBlanks,
		read:  readRuby,
		vet:   vetRuby,
	},
	script: rubyScript,
	handler: func(argv []string, first int) int {
		at := rubyScript(argv, first)
		if at+1 < len(argv) && path.Base(argv[at]) == "aws_lambda_ric" {
			return at + 1
		}
		return -1
	},
}

// rubyFeature reports why -rNAME cannot be loaded.
func (c *check) rubyFeature(name string) error {
	if strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		return fmt.Errorf("%q is a relative path: it would change its meaning with the working directory", name)
	}
	if path.IsAbs(name) {
		err := c.loadable(name)
		for _, suffix := range []string{"", ".rb", ".so"} {
			if err == nil || c.loadable(name+suffix) == nil {
				return nil
			}
		}
		return err
	}
	dirs := c.folders("RUBYLIB")
	gem, _, _ := strings.Cut(name, "/")
	for _, dir := range c.folders("GEM_PATH") {
		for _, found := range c.foldersIn(path.Join(dir, "gems"), gem+"-") {
			dirs = append(dirs, path.Join(found, "lib"))
		}
	}
	// The standard library stands beside the program.
	for _, dir := range append(dirs, c.foldersIn(beside(c.rt.Path, "../lib/ruby"), "")...) {
		for _, suffix := range []string{"", ".rb", ".so"} {
			if c.isFile(path.Join("/", dir, name+suffix)) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s: no such file in RUBYLIB or GEM_PATH", name)
}

// foldersIn lists what a folder holds under names that begin so.
func (c *check) foldersIn(dir, prefix string) []string {
	entries, err := fs.ReadDir(c.Root, fragment.Rel(dir))
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			list = append(list, path.Join(dir, e.Name()))
		}
	}
	return list
}
