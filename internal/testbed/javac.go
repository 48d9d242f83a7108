package testbed

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-lambda/graft/internal/keep"
)

// CompileJava compiles sources to class files below the folder out, for Java
// release, with the jars and folders of classpath.
func (b *Bed) CompileJava(ctx context.Context, out string, release int, classpath []string, sources ...string) error {
	javac, err := jdkTool("javac")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	argv := []string{javac, "-nowarn", "-Xlint:-options", "--release", strconv.Itoa(release), "-d", out}
	if len(classpath) > 0 {
		argv = append(argv, "-classpath", strings.Join(classpath, ":"))
	}
	_, err = keep.Run(ctx, keep.Command{Argv: append(argv, sources...)})
	return err
}

// Jar packs the class files below the folder classes into the file out, with
// the attributes of its manifest, one "Name: value" each.
func (b *Bed) Jar(ctx context.Context, out, classes string, manifest ...string) error {
	jar, err := jdkTool("jar")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp("", "graft-manifest-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(strings.Join(manifest, "\n") + "\n")
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	_, err = keep.Run(ctx, keep.Command{Argv: []string{jar, "--create", "--file", out, "--manifest", f.Name(), "-C", classes, "."}})
	return err
}

// jdkTool returns a program of a JDK: the one on PATH, else the last in the
// usual place for JVMs.
func jdkTool(name string) (string, error) {
	path, err := keep.Tool(name)
	if err == nil {
		return path, nil
	}
	found, globErr := filepath.Glob(filepath.Join("/usr/lib/jvm", "*", "bin", name))
	if globErr != nil || len(found) == 0 {
		return "", err
	}
	return slices.Max(found), nil
}

// JavaCore returns the jar with the types of AWS's that a handler is written
// against.
func (b *Bed) JavaCore(ctx context.Context) (string, error) {
	client, err := b.javaClient(ctx)
	if err != nil {
		return "", err
	}
	version, err := mavenVersion(pinned("java-client"), "aws-lambda-java-core")
	if err != nil {
		return "", err
	}
	return filepath.Join(client, "lib", "aws-lambda-java-core-"+version+".jar"), nil
}
