package layers

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// links checks that every link leads to something in the layer. One that leads to
// something in its layer folder need not: not all that is there ships.
func (l *Layer) links() error {
	for _, it := range l.items {
		if it.link() && !l.has(it.name, maxHops, false) {
			return fmt.Errorf("%s: a link to nothing in the layer", filepath.Join(l.entries[it.name].from, it.name))
		}
	}
	return nil
}

// has reports whether name leads to a file or folder of the layer, through no more
// than so many links. Behind an absolute link, which leads into /opt, that may be
// another layer's: then it is enough that the path does not leave /opt.
func (l *Layer) has(name string, links int, absolute bool) bool {
	at, parts := ".", strings.Split(name, "/")
	for i, part := range parts {
		if part == ".." {
			if at == "." {
				return false
			}
			at = path.Dir(at)
			continue
		}
		if at = path.Join(at, part); at == "." {
			continue
		}
		e, ok := l.entries[at]
		if !ok && !absolute {
			return false
		}
		if e.item != nil && e.item.link() {
			dir, target := path.Dir(at), e.item.target
			if path.IsAbs(target) {
				dir, target, absolute = ".", belowOpt(target), true
			}
			rest := append([]string{dir, target}, parts[i+1:]...)
			return links > 0 && l.has(strings.Join(rest, "/"), links-1, absolute)
		}
	}
	return true
}

// belowOpt returns a path in /opt, one that [VetEntry] takes, relative to /opt.
func belowOpt(target string) string {
	if rest, ok := strings.CutPrefix(target, "/opt/"); ok {
		return rest // with its "..", which may follow a link
	}
	return "./" + strings.TrimPrefix(path.Clean(target), "/opt")
}

// escapes reports whether name leaves /opt when links are followed, or leads
// through more than hops of them. links are the targets of all links, by name; no
// other file matters. work is how many bytes of paths may still be looked at, in
// all calls together: when none are left, every name escapes.
func escapes(links map[string]string, name string, hops int, work *int) bool {
	if *work -= len(name); *work < 0 {
		return true
	}
	at, parts := ".", strings.Split(name, "/")
	for i, part := range parts {
		if part == ".." {
			if at == "." {
				return true
			}
			at = path.Dir(at)
			continue
		}
		at = path.Join(at, part)
		target, ok := links[at]
		if !ok {
			continue
		}
		dir := path.Dir(at)
		if path.IsAbs(target) {
			dir, target = ".", belowOpt(target)
		}
		rest := append([]string{dir, target}, parts[i+1:]...)
		return hops == 0 || escapes(links, strings.Join(rest, "/"), hops-1, work)
	}
	return false
}
