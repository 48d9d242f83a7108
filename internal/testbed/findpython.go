package testbed

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
)

// findPython returns an installation of one minor version that is a folder of
// its own, as /var/lang is: the one of the program python3.N on PATH, else the
// newest that pyenv keeps, else the newest among the tools that a CI runner
// keeps in the folder RUNNER_TOOL_CACHE. A distribution's own, below /usr, is
// none: it shares its folder with all the rest.
func findPython(ctx context.Context, minor string) (dir, version string, err error) {
	found := pythonOnPath(ctx, minor)
	looked := []string{"PATH"}
	for _, versions := range pythonFolders() {
		looked = append(looked, versions)
		dirs, err := filepath.Glob(filepath.Join(versions, minor+".*"))
		if err != nil {
			return "", "", err
		}
		slices.SortFunc(dirs, func(a, b string) int { return patch(b) - patch(a) })
		for _, dir := range dirs {
			// A CI runner keeps a folder for each processor below.
			found = append(found, dir, filepath.Join(dir, "x64"))
		}
	}
	for _, dir := range found {
		if version, ok := pythonIn(dir, minor); ok {
			return dir, version, nil
		}
	}
	return "", "", unavailable("no Python %s with a folder of its own (looked on %s); pyenv install %s brings it", minor, strings.Join(looked, ", "), minor)
}

// pythonOnPath returns the folder of the program python3.N on PATH, which may
// be a version manager's script: the interpreter itself knows.
func pythonOnPath(ctx context.Context, minor string) []string {
	program, err := keep.Tool("python" + minor)
	if err != nil {
		return nil
	}
	out, err := keep.Run(ctx, keep.Command{Argv: []string{program, "-I", "-c", "import sys; sys.stdout.write(sys.base_prefix)"}})
	if err != nil || strings.HasPrefix(out, "/usr") && !strings.HasPrefix(out, "/usr/local/") {
		return nil
	}
	return []string{out}
}

// pythonFolders are where version managers keep one folder per version.
func pythonFolders() []string {
	var list []string
	if root := os.Getenv("PYENV_ROOT"); root != "" {
		list = append(list, filepath.Join(root, "versions"))
	} else if home, err := os.UserHomeDir(); err == nil {
		list = append(list, filepath.Join(home, ".pyenv/versions"))
	}
	if tools := os.Getenv("RUNNER_TOOL_CACHE"); tools != "" {
		list = append(list, filepath.Join(tools, "Python"))
	}
	return list
}

var patchLevel = regexp.MustCompile(`(?m)^#define PY_VERSION\s+"(\d+\.\d+\.\d+)"`)

// pythonIn returns the exact version of the Python of one minor version in
// dir, as its own header tells it.
func pythonIn(dir, minor string) (version string, ok bool) {
	if !isFile(filepath.Join(dir, "bin/python"+minor)) {
		return "", false
	}
	header, err := os.ReadFile(filepath.Join(dir, "include/python"+minor, "patchlevel.h"))
	if err != nil {
		return "", false
	}
	m := patchLevel.FindSubmatch(header)
	if m == nil {
		return "", false
	}
	return string(m[1]), minorOf(string(m[1])) == minor
}

// patch is the last number in a folder's name such as "3.12.1"; -1 if there is
// none, as for a release candidate.
func patch(dir string) int {
	name := filepath.Base(dir)
	n, err := strconv.Atoi(name[strings.LastIndex(name, ".")+1:])
	if err != nil {
		return -1
	}
	return n
}
