package testbed

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// pins holds one folder of manifests per item, as the package managers and the
// update bots read them.
//
//go:embed pins
var pins embed.FS

// pinned returns the manifests of the folder name under pins.
func pinned(name string) fs.FS {
	sub, err := fs.Sub(pins, "pins/"+name)
	if err != nil {
		panic(err) // only for a malformed name
	}
	return sub
}

// npmVersion returns the version at which package.json in fsys pins pkg.
func npmVersion(fsys fs.FS, pkg string) (string, error) {
	data, err := fs.ReadFile(fsys, "package.json")
	if err != nil {
		return "", err
	}
	var manifest struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(data, &manifest); err != nil {
		return "", fmt.Errorf("package.json: %w", err)
	}
	if v := cmp.Or(manifest.Dependencies[pkg], manifest.DevDependencies[pkg]); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("package.json: no dependency %q", pkg)
}

// pipVersion returns the version at which requirements.txt in fsys pins pkg.
func pipVersion(fsys fs.FS, pkg string) (string, error) {
	data, err := fs.ReadFile(fsys, "requirements.txt")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		name, version, ok := strings.Cut(strings.TrimRight(strings.TrimSpace(line), ` \`), "==")
		if ok && name == pkg {
			return version, nil
		}
	}
	return "", fmt.Errorf("requirements.txt: no %s==", pkg)
}

// mavenVersion returns the version that pom.xml in fsys gives to artifact.
func mavenVersion(fsys fs.FS, artifact string) (string, error) {
	data, err := fs.ReadFile(fsys, "pom.xml")
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`<artifactId>` + regexp.QuoteMeta(artifact) + `</artifactId>\s*<version>([^<]+)</version>`).FindSubmatch(data)
	if m == nil {
		return "", fmt.Errorf("pom.xml: no artifact %q", artifact)
	}
	return string(m[1]), nil
}

// lay copies the files of fsys into dir, which exists.
func lay(fsys fs.FS, dir string) error {
	return os.CopyFS(dir, fsys)
}
