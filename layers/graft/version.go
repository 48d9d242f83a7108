package main

import "runtime/debug"

// version is set by the linker in a release.
var version string

// versionText is the release, or the version of the module that `go install`
// fetched, or "devel".
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
