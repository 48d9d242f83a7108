package inject

import "path"

// Loads lists what a fragment's variable makes the runtime load: all of it
// must be in the result, or nothing of the fragment.
func Loads(rt Runtime, name, value string) []string {
	lang, kind := classify(name)
	if lang != "" && lang != rt.Language {
		return nil
	}
	var files []string
	switch {
	case kind == optionString:
		g := languageOf(rt.Language).options
		words, _ := g.split(value)
		for _, o := range g.read(words) {
			if o.loads {
				files = append(files, path.Base(o.value))
			}
		}
	case name == "LD_PRELOAD", name == startupHooks, name == additionalDeps:
		files = splitList(name, value)
	case kind == profilerGroupVar:
		files = []string{name + "=" + value}
	}
	return files
}
