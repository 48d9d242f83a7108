package testbed

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
)

// Found returns what this machine has itself: the interpreters on PATH, one
// for each language, at their own paths, and the plain "provided". AWS's
// runtime client still comes from the cache (fetched where b.Fetch allows) and
// stands at /var/runtime. What is missing is left out, with a line on b.Log.
func (b *Bed) Found(ctx context.Context) []Runtime {
	finders := []struct {
		language string
		find     func(context.Context) (Runtime, error)
	}{
		{"nodejs", b.foundNode},
		{"python", b.foundPython},
		{"java", b.foundJava},
		{"dotnet", b.foundDotnet},
		{"ruby", b.foundRuby},
	}
	var list []Runtime
	for _, f := range finders {
		rt, err := f.find(ctx)
		if err != nil {
			b.logf("%s: left out: %v", f.language, err)
			continue
		}
		rt.Name = rt.Language + release(rt.Language, rt.Version)
		list = append(list, rt)
	}
	return append(list, provided())
}

// release cuts a version to what Lambda names a runtime by.
func release(language, version string) string {
	if language == "python" || language == "ruby" {
		return minorOf(version)
	}
	major, _, _ := strings.Cut(version, ".")
	return major
}

// ask runs a program of the machine for its version and returns the words of
// its standard output.
func ask(ctx context.Context, name string, args ...string) (program string, words []string, err error) {
	program, err = keep.Tool(name)
	if err != nil {
		return "", nil, err
	}
	out, err := keep.Run(ctx, keep.Command{Argv: append([]string{program}, args...)})
	if err != nil {
		return "", nil, unavailable("%v", err)
	}
	return program, strings.Fields(out), nil
}

func (b *Bed) foundNode(ctx context.Context) (Runtime, error) {
	program, words, err := ask(ctx, "node", "--version")
	if err != nil {
		return Runtime{}, err
	}
	version := strings.TrimPrefix(strings.Join(words, " "), "v")
	if !slices.Contains(nodeMajors, release("nodejs", version)) {
		return Runtime{}, unavailable("no runtime client for Node.js %s", version)
	}
	client, err := b.nodeClient4(ctx)
	if err != nil {
		return Runtime{}, err
	}
	return nodeRuntime(program, version, Mount{client, "/var/runtime"}), nil
}

func (b *Bed) foundPython(ctx context.Context) (Runtime, error) {
	// The program on PATH may be a version manager's shim: it knows the real one.
	_, words, err := ask(ctx, "python3", "-c", `import sys; print(sys.executable, "%d.%d.%d" % sys.version_info[:3])`)
	if err != nil {
		return Runtime{}, err
	}
	if len(words) != 2 {
		return Runtime{}, unavailable("python3 does not tell its version")
	}
	program, version := words[0], words[1]
	minor := minorOf(version)
	if !slices.Contains(pythonMinors, minor) {
		return Runtime{}, unavailable("no runtime client for Python %s", version)
	}
	// So that graft sees the version in the name, as it does on Lambda.
	if named := filepath.Join(filepath.Dir(program), "python"+minor); isFile(named) {
		program = named
	}
	client, err := b.pythonClient(ctx, minor, program)
	if err != nil {
		return Runtime{}, err
	}
	return pythonRuntime(program, version, Mount{filepath.Join(client, "runtime"), "/var/runtime"}), nil
}

var javaVersionLine = regexp.MustCompile(`(?m)^openjdk (\d+[\d.]*)|^java (\d+[\d.]*)`)

func (b *Bed) foundJava(ctx context.Context) (Runtime, error) {
	program, words, err := ask(ctx, "java", "--version")
	if err != nil {
		return Runtime{}, err
	}
	m := javaVersionLine.FindStringSubmatch(strings.Join(words, " "))
	if m == nil {
		return Runtime{}, unavailable("%s does not tell its version", program)
	}
	client, err := b.javaClient(ctx)
	if err != nil {
		return Runtime{}, err
	}
	classpath, err := javaClasspath(client)
	if err != nil {
		return Runtime{}, err
	}
	// Lambda's archive is not here; the JDK's own is, mostly.
	var archive []string
	if home, err := filepath.EvalSymlinks(program); err == nil && isFile(filepath.Join(home, "../../lib/server/classes.jsa")) {
		archive = []string{"-Xshare:on"}
	}
	return javaRuntime(program, m[1]+m[2], archive, classpath, Mount{client, "/var/runtime"}), nil
}

var dotnetRuntimeLine = regexp.MustCompile(`Microsoft\.NETCore\.App (\d+\.\d+\.\d+) `)

func (b *Bed) foundDotnet(ctx context.Context) (Runtime, error) {
	program, words, err := ask(ctx, "dotnet", "--list-runtimes")
	if err != nil {
		return Runtime{}, err
	}
	all := dotnetRuntimeLine.FindAllStringSubmatch(strings.Join(words, " ")+" ", -1)
	if len(all) == 0 {
		return Runtime{}, unavailable("%s has no Microsoft.NETCore.App", program)
	}
	client, err := b.dotnetClient(ctx)
	if err != nil {
		return Runtime{}, err
	}
	// With rollForward "Major" the host takes the lowest that is high enough.
	version := all[0][1]
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real // DOTNET_ROOT is its folder
	}
	rt := dotnetRuntime(program, "dotnet"+release("dotnet", version), version, Mount{client, "/var/runtime"})
	return rt, nil
}
