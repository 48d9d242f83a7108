package testbed

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/keep"
)

var javaMajors = []string{"11", "17", "21", "25"}

const (
	javaMain = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
	javaJNI  = "/var/runtime/lib/jni/libaws-lambda-jni.linux-x86_64.so"
	javaCDS  = "/var/lang/lib/server/runtime.jsa"
	javaAOT  = "/var/lang/lib/server/runtime.aot"
)

func javaRecipes() []recipe {
	var list []recipe
	for _, major := range javaMajors {
		list = append(list, recipe{"java" + major, func(ctx context.Context, b *Bed) (Runtime, error) {
			return b.managedJava(ctx, major)
		}})
	}
	return list
}

func (b *Bed) managedJava(ctx context.Context, major string) (Runtime, error) {
	client, err := b.javaClient(ctx)
	if err != nil {
		return Runtime{}, err
	}
	lang, version, err := b.java(ctx, major, client)
	if err != nil {
		return Runtime{}, err
	}
	classpath, err := javaClasspath(client)
	if err != nil {
		return Runtime{}, err
	}
	archive := []string{"-Xshare:on", "-XX:SharedArchiveFile=" + javaCDS}
	if major == "25" {
		archive = []string{"-XX:AOTCache=" + javaAOT}
	}
	return javaRuntime("/var/lang/bin/java", version, archive, classpath,
		Mount{lang, "/var/lang"}, Mount{client, "/var/runtime"}), nil
}

// javaRuntime is what the managed bootstrap makes of a JVM at program whose
// archive of classes the options archive name.
func javaRuntime(program, version string, archive []string, classpath string, mounts ...Mount) Runtime {
	major, _, _ := strings.Cut(version, ".")
	argv := append([]string{program, "-XX:MaxHeapSize=891290k", "-XX:+UseSerialGC"}, archive...)
	argv = append(argv, "-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1")
	// 25 lacks it here: the JVM would turn its AOT cache down.
	if major == "17" || major == "21" {
		argv = append(argv, "--add-opens=java.base/java.io=ALL-UNNAMED")
	}
	if major == "11" || major == "17" {
		argv = append(argv, "-Djava.net.preferIPv4Stack=true")
	}
	argv = append(argv,
		"-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac",
		"-XX:+ErrorFileToStderr",
		"-Dcom.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI="+javaJNI,
		"-classpath", classpath, javaMain)
	return Runtime{
		Language:      "java",
		Version:       version,
		Mounts:        mounts,
		Argv:          argv,
		HandlerInArgv: true,
		Env:           platformEnv("java" + major),
	}
}

// javaClient returns a /var/runtime with AWS's runtime client in lib.
func (b *Bed) javaClient(ctx context.Context) (string, error) {
	fsys := pinned("java-client")
	version, err := mavenVersion(fsys, "aws-lambda-java-runtime-interface-client")
	if err != nil {
		return "", err
	}
	return b.get(ctx, item{
		name: "java-client", version: version, pins: fsys, recipe: "1",
		fill: func(ctx context.Context, dir string) error {
			if err := mavenJars(ctx, fsys, dir, "lib"); err != nil {
				return err
			}
			lib := filepath.Join(dir, "lib")
			jar := filepath.Join(lib, "aws-lambda-java-runtime-interface-client-"+version+".jar")
			if err := extract(jar, "jni/"+filepath.Base(javaJNI), filepath.Join(lib, "jni", filepath.Base(javaJNI))); err != nil {
				return err
			}
			return steadyTimes(lib)
		},
	})
}

// steadyTimes gives every jar of dir the same time on every machine: an
// archive of classes is only good for jars of the very time it was made with.
func steadyTimes(dir string) error {
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil {
		return err
	}
	for _, jar := range jars {
		t := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(jar, t, t); err != nil {
			return err
		}
	}
	return nil
}

// javaClasspath returns the class path of the runtime client in client, as it
// reads where client stands at /var/runtime.
func javaClasspath(client string) (string, error) {
	jars, err := filepath.Glob(filepath.Join(client, "lib/*.jar"))
	if err != nil {
		return "", err
	}
	slices.Sort(jars)
	for i, jar := range jars {
		jars[i] = "/var/runtime/lib/" + filepath.Base(jar)
	}
	return strings.Join(jars, ":"), nil
}

// extract writes the member of a zip file to path, making its folder.
func extract(archive, member, path string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	src, err := r.Open(member)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(archive), err)
	}
	defer src.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	dst, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}

// mavenJars copies the run-time dependencies of pom.xml in fsys to the folder
// out below dir.
func mavenJars(ctx context.Context, fsys fs.FS, dir, out string) error {
	if err := keep.Tools("mvn", "java"); err != nil {
		return err
	}
	if err := lay(fsys, dir); err != nil {
		return err
	}
	_, err := keep.Run(ctx, keep.Command{Dir: dir, Argv: keep.Maven(out)})
	return err
}
