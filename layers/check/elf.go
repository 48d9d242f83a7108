package check

import (
	"debug/elf"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/native"
	"github.com/graft-lambda/graft/layers"
)

// isProgram reports whether an object is a program and no library.
func isProgram(o *native.Object) bool {
	return o.Type == elf.ET_EXEC || o.Type == elf.ET_DYN && o.Interp != "" && o.Soname == ""
}

// platform is how packages that carry a library for several platforms tell
// them apart in paths.
var platform = regexp.MustCompile(`(?i)(x86[_-]64|amd64|x64|aarch64|arm64|armv[5678][a-z]*|armhf|arm|i[3-6]86|ia32|x86|ppc64le|ppc64|s390x|riscv64|mips64el|loong64)|linux|android|(free|open|net)bsd|sunos|(musl|glibc|gnu|alpine)(eabi(hf)?)?`)

// around is such marks and what stands between them.
var around = regexp.MustCompile(`[-_.]?(?:\*[-_.]?)+`)

// anyPlatform is the path without what tells platforms apart, so that the
// same library for two platforms has one.
func anyPlatform(name string) string {
	return around.ReplaceAllString(platform.ReplaceAllString(name, "*"), ".")
}

// native judges the native files of the layer, which are for arch (amd64,
// arm64, or empty if that is not known). A package that has the right library
// too may bring others.
func (l *Layer) native(arch string) {
	machine := native.Machine(arch)
	fits := func(o *native.Object) bool {
		return (machine == elf.EM_NONE || o.Machine == machine) && o.Libc != "musl"
	}
	right := map[string]bool{}
	var objects []*entry
	for _, e := range l.files() {
		if e.object == nil || e.object.Type != elf.ET_EXEC && e.object.Type != elf.ET_DYN {
			continue
		}
		objects = append(objects, e)
		if fits(e.object) {
			right[anyPlatform(e.name)] = true
		}
	}
	for _, e := range objects {
		started := path.Dir(e.name) == "extensions"
		switch {
		case fits(e.object), right[anyPlatform(e.name)] && !started:
		case machine != elf.EM_NONE && e.object.Machine != machine:
			l.found.add("wrong-arch", e.place(), 0, "is for %s, the layer is for %s", native.ArchName(e.object.Machine), native.ArchName(machine))
		case !l.brings(e.object.Interp):
			l.found.add("wrong-libc", e.place(), 0, "is for musl")
		}
	}
}

// brings reports whether the layer has the dynamic linker that a program
// names.
func (l *Layer) brings(interp string) bool {
	name, ok := strings.CutPrefix(path.Clean(interp), "/opt/")
	return ok && l.entries[name] != nil
}

// arch is the architecture that the layer is for, by graft's own programs or
// the extensions in it; empty if there are none or they differ.
func (l *Layer) arch() string {
	found := ""
	for _, e := range l.files() {
		if e.object == nil || !own(e.name) && path.Dir(e.name) != "extensions" {
			continue
		}
		arch := native.Arch(e.object.Machine)
		if found != "" && arch != found {
			return ""
		}
		found = arch
	}
	return found
}

// builtFor is the architecture that the layer was built for: by the programs that
// tell, or else by all native files in it. It is empty if they do not say it.
func (l *Layer) builtFor() string {
	found := l.arch()
	if found != "" {
		return found
	}
	for _, e := range l.files() {
		if e.object == nil {
			continue
		}
		arch := native.Arch(e.object.Machine)
		if arch == "" || found != "" && arch != found {
			return ""
		}
		found = arch
	}
	return found
}

// arches are the architectures that layers were built for.
func arches(list []*Layer) []string {
	var all []string
	for _, l := range list {
		if arch := l.builtFor(); arch != "" && !slices.Contains(all, arch) {
			all = append(all, arch)
		}
	}
	return all
}

// guess is the architecture that plans are made for where nothing says it:
// that of the first native file.
func (s *stack) guess() string {
	for _, l := range s.layers {
		for _, e := range l.files() {
			if e.object != nil && e.object.Machine == elf.EM_AARCH64 {
				return "arm64"
			}
			if e.object != nil {
				return "amd64"
			}
		}
	}
	return "amd64"
}

// own reports whether the file below /opt is a program of graft's own.
func own(name string) bool { return slices.Contains(layers.Programs(), name) }
