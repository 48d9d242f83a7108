package layers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// vetLock reports the first package of a package-lock.json that comes from a
// git repository: npm installs what such a package needs in a folder of its
// own, by the settings that lie in it, and so runs what those name, whatever
// --ignore-scripts says.
func vetLock(files map[string][]byte, opt Options) error {
	if opt.Scripts {
		return nil
	}
	var lock any
	if err := json.Unmarshal(files["package-lock.json"], &lock); err != nil {
		return errors.New("not JSON")
	}
	return vetLocked(lock)
}

// vetLocked looks at a part of the lock file. In all its versions the members
// that say where a package comes from have the same names.
func vetLocked(part any) error {
	members, _ := part.(map[string]any)
	for name, member := range members {
		if name == "bin" {
			continue // names and paths of programs, of which one may be "version"
		}
		text, isText := member.(string)
		var git bool
		switch {
		case !isText:
			if err := vetLocked(member); err != nil {
				return err
			}
		case name == "resolved":
			git = isGit(text)
		case name == "version": // npm asks for NAME@VERSION of what is not resolved
			git = strings.ContainsAny(text, "/:") && isGit(text)
		case name == "name":
			git = strings.ContainsAny(strings.TrimPrefix(text, "@"), "@:#")
		}
		if git {
			return fmt.Errorf("%.200q: comes from a git repository, and npm would run what is in it: use a published package, or give --scripts", text)
		}
	}
	return nil
}

// gitHosts are those for which npm takes a URL of a project for its repository.
var gitHosts = []string{"github.com", "www.github.com", "gitlab.com", "www.gitlab.com", "bitbucket.org", "www.bitbucket.org", "gist.github.com", "git.sr.ht"}

// isGit reports whether npm would not simply load the file from. It knows a file
// among the URLs of gitHosts as npm does:
// https://github.com/npm/hosted-git-info/blob/main/lib/hosts.js
func isGit(from string) bool {
	u, err := url.Parse(from)
	if err != nil {
		return true
	}
	switch strings.ToLower(u.Scheme) {
	case "file", "npm":
		return false
	case "":
		return !strings.HasPrefix(from, ".") && strings.Count(from, "/") == 1 && !strings.HasPrefix(from, "/") // USER/PROJECT
	case "http", "https":
	default:
		return true
	}
	host := strings.ToLower(u.Hostname())
	parts := strings.Split(u.Path, "/")
	switch {
	case host == "" || strings.Contains(from, `\`) || strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }),
		slices.Contains(parts, ".") || slices.Contains(parts, ".."):
		return true // npm reads it as another URL than Go
	case !slices.Contains(gitHosts, host):
		return false
	}
	file := u.EscapedPath()
	parts = strings.Split(file, "/")
	switch host {
	case "github.com":
		return len(parts) < 5 || parts[3] != "releases" && parts[3] != "archive"
	case "gitlab.com": // its package registry's files, too
		return !strings.Contains(file, "/-/")
	case "bitbucket.org":
		return len(parts) < 5 || parts[3] != "get"
	}
	return true
}
