package inject

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
)

// nodeBuiltins are modules that are in every version.
var nodeBuiltins = set("node:assert", "node:async_hooks", "node:buffer", "node:child_process", "node:cluster", "node:crypto", "node:dgram",
	"node:diagnostics_channel", "node:dns", "node:events", "node:fs", "node:http", "node:http2", "node:https", "node:inspector", "node:module",
	"node:net", "node:os", "node:path", "node:perf_hooks", "node:process", "node:querystring", "node:readline", "node:stream",
	"node:string_decoder", "node:timers", "node:tls", "node:tty", "node:url", "node:util", "node:v8", "node:vm", "node:worker_threads", "node:zlib")

// nodeImport reports why a module that --import or --experimental-loader names
// cannot be loaded. Node.js reads a path there as a URL.
func (c *check) nodeImport(target string) error {
	if path.IsAbs(target) {
		if strings.HasPrefix(target, "//") || strings.ContainsAny(target, "%?#\\") || hasControl(target) {
			return fmt.Errorf("%q would be read as a URL, and mean another file", target)
		}
		if err := c.loadable(target); err != nil {
			return err
		}
		if !hasAnySuffix(target, ".js", ".mjs", ".cjs") {
			return faultf(target, OtherReason, "needs a name that ends with .js, .mjs or .cjs")
		}
		return nil
	}
	if strings.HasPrefix(target, "data:") {
		return refuseData(target)
	}
	return c.nodePackage(target, c.nodeFolders(), "")
}

// nodeRequire reports why a module that --require names cannot be loaded.
func (c *check) nodeRequire(target string) error {
	if !path.IsAbs(target) {
		return c.nodePackage(target, append(c.nodeFolders(), c.folders("NODE_PATH")...), " or NODE_PATH")
	}
	if strings.HasSuffix(target, ".mjs") && !requiresESM(c.rt.Version) {
		return faultf(target, OtherReason, "--require takes an ECMAScript module from Node.js 20.19 and 22.12 on")
	}
	// As require() looks for it; the first error is the one to tell.
	err := c.loadable(target)
	for _, suffix := range []string{"", ".js", ".json", ".node", "/index.js"} {
		if err == nil || c.loadable(target+suffix) == nil || suffix == "" && c.isFile(path.Join(target, "package.json")) {
			return nil
		}
	}
	return err
}

func requiresESM(v fragment.Version) bool {
	return v.Major == 20 && v.Minor >= 19 || v.Compare(fragment.Version{Major: 22, Minor: 12}) >= 0
}

// nodePackage reports why a bare name cannot be loaded from any of dirs.
func (c *check) nodePackage(target string, dirs []string, also string) error {
	switch {
	case target == "":
		return errors.New("a module without a name")
	case strings.HasPrefix(target, "./"), strings.HasPrefix(target, "../"), target == ".", target == "..":
		return fmt.Errorf("%q is a relative path: it would change its meaning with the working directory", target)
	case nodeBuiltins[target]:
		return nil
	case strings.HasPrefix(target, "node:"):
		return fmt.Errorf("%s: is no module of every Node.js", target)
	case hasAnyPrefix(target, "file:", "data:", "http:", "https:"):
		scheme, _, _ := strings.Cut(target, ":")
		return fmt.Errorf("a %s: URL cannot be loaded here", scheme)
	}
	pkg, _, _ := strings.Cut(target, "/")
	if strings.HasPrefix(target, "@") {
		if parts := strings.SplitN(target, "/", 3); len(parts) > 1 {
			pkg = parts[0] + "/" + parts[1]
		}
	}
	for _, dir := range dirs {
		if c.isDir(path.Join(dir, pkg)) {
			return nil
		}
	}
	return faultf(pkg, NotFound, "no such package in node_modules%s", also)
}

// nodeFolders lists where a bare module name is looked for: node_modules from
// the working directory upwards.
func (c *check) nodeFolders() []string {
	var dirs []string
	for dir := path.Join("/", c.Dir); ; dir = path.Dir(dir) {
		dirs = append(dirs, path.Join(dir, "node_modules"))
		if dir == "/" {
			return dirs
		}
	}
}

// refuseData reports why Node.js cannot import a data: URL.
func refuseData(target string) error {
	head, body, ok := strings.Cut(target, ",")
	mime, _, _ := strings.Cut(strings.TrimPrefix(head, "data:"), ";")
	if !ok || mime != "text/javascript" || !escaped(body) || strings.ContainsAny(target, "?#") || hasControl(target) {
		return errors.New("a data: URL must be data:text/javascript,... with %, ? and # escaped")
	}
	return nil
}

// escaped reports whether every "%" has two hexadecimal digits behind it.
// Package net/url would say so too; the wrapper links nothing of net.
func escaped(s string) bool {
	for rest, found := "", true; ; {
		if _, rest, found = strings.Cut(s, "%"); !found {
			return true
		}
		if len(rest) < 2 || strings.Trim(rest[:2], "0123456789abcdefABCDEF") != "" {
			return false
		}
		s = rest
	}
}

// hasControl reports whether s holds what a URL parser drops.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func hasAnySuffix(s string, suffixes ...string) bool {
	for _, suffix := range suffixes {
		if strings.HasSuffix(s, suffix) {
			return true
		}
	}
	return false
}
