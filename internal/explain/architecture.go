package explain

import (
	"cmp"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/layers"
)

// A program is a native one of the layers that starts with the function.
type program struct {
	path string
	// arch is the processor that it is for, as Go names it where Lambda has it.
	arch string
	// layer is the folder or zip that it comes from.
	layer string
}

// programsOf lists what Lambda starts of the layers, the wrapper first: without
// one of them the function does not start.
func programsOf(root fs.FS, mounts []mount) []program {
	paths := []string{self}
	extensions, err := fs.ReadDir(root, "opt/extensions")
	if err == nil {
		for _, e := range extensions {
			paths = append(paths, "/opt/extensions/"+e.Name())
		}
	}
	var list []program
	for _, path := range paths {
		arch := architecture(root, path)
		if arch == "" {
			continue
		}
		p := program{path: path, arch: arch}
		for _, m := range mounts {
			if name, ok := strings.CutPrefix(path, m.at+"/"); ok {
				if _, err := fs.Lstat(m.fsys, name); err == nil {
					p.layer = m.file
				}
			}
		}
		list = append(list, p)
	}
	return list
}

// architecture is the processor that a program is for; empty if it is not
// native, or not there.
func architecture(root fs.FS, path string) string {
	info, err := fs.Stat(root, fragment.Rel(path))
	if err != nil || !info.Mode().IsRegular() || info.Size() > layers.MaxUnzipped {
		return ""
	}
	f, err := root.Open(fragment.Rel(path))
	if err != nil {
		return ""
	}
	defer f.Close()
	at, ok := f.(io.ReaderAt)
	if !ok {
		return ""
	}
	o, err := native.Read(at)
	if err != nil {
		return ""
	}
	return cmp.Or(native.Arch(o.Machine), o.Machine.String())
}

// chooseArch takes the architecture from the layers' programs, where nothing
// else says it.
func (t *target) chooseArch(list []program) {
	if t.arch != "" {
		return
	}
	t.arch = "amd64"
	i := slices.IndexFunc(list, func(p program) bool { return onLambda(p.arch) })
	if i >= 0 {
		t.arch, t.archFrom = list[i].arch, "as "+list[i].path+" of "+list[i].layer+" is"
	}
}

// onLambda reports whether Lambda has such processors.
func onLambda(arch string) bool { return native.Machine(arch) != elf.EM_NONE }

// foreign says which layers have programs for another architecture than the
// function's: the kernel does not start them, and so the function does not
// start.
func (t *target) foreign(list []program) []string {
	type kind struct{ layer, arch string }
	var kinds []kind
	paths := map[kind][]string{}
	for _, p := range list {
		if p.arch == t.arch {
			continue
		}
		k := kind{p.layer, p.arch}
		if paths[k] == nil {
			kinds = append(kinds, k)
		}
		paths[k] = append(paths[k], p.path)
	}
	var reasons []string
	for _, k := range kinds {
		from := ""
		if t.archFrom != "" {
			from = " (" + t.archFrom + ")"
		}
		reason := fmt.Sprintf("%s is for %s (%s), the function for %s%s: exec format error. Take the layer that was built for %s",
			k.layer, k.arch, strings.Join(paths[k], ", "), t.arch, from, t.arch)
		if onLambda(k.arch) {
			reason += ", or make the function " + k.arch
		}
		reasons = append(reasons, reason)
	}
	return reasons
}
