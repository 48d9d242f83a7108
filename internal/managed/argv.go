package managed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// argv is the command line that the runtime's bootstrap starts.
func (r Runtime) argv(f Function) []string {
	switch r.Language {
	case fragment.NodeJS:
		argv := []string{"/var/lang/bin/node", "--expose-gc", "--max-http-header-size", "81920",
			fmt.Sprintf("--max-semi-space-size=%d", f.Memory*5/100)}
		// By report, the bootstrap leaves the heap's size to the function.
		if options, _ := inject.Env(f.Env).Lookup("NODE_OPTIONS"); !strings.Contains(options, "--max-old-space-size") {
			argv = append(argv, fmt.Sprintf("--max-old-space-size=%d", f.Memory*90/100))
		}
		return append(argv, "/var/runtime/index.mjs")
	case fragment.Python:
		return []string{"/var/lang/bin/" + r.Name, "/var/runtime/bootstrap.py"}
	case fragment.Java:
		return r.java(f)
	case fragment.DotNet:
		assembly, _, library := strings.Cut(f.Handler, "::")
		if f.Native {
			return []string{"/var/task/" + assembly}
		}
		if !library {
			return []string{"/var/lang/bin/dotnet", "exec", "/var/task/" + assembly + ".dll"}
		}
		return []string{"/var/lang/bin/dotnet", "exec",
			"--depsfile", "/var/task/" + assembly + ".deps.json",
			"--runtimeconfig", "/var/task/" + assembly + ".runtimeconfig.json",
			"/var/runtime/Amazon.Lambda.RuntimeSupport.dll", f.Handler}
	case fragment.Ruby:
		return []string{"/var/lang/bin/ruby", "/var/runtime/lib/runtime.rb"}
	}
	return []string{"/var/task/bootstrap"}
}

// java returns the command line of a Java runtime: up to 11 with Lambda's
// older client, which takes the handler from _HANDLER only.
func (r Runtime) java(f Function) []string {
	argv := []string{"/var/lang/bin/java", "-XX:MaxHeapSize=" + share(f.Memory, 85)}
	older := r.Name == "java8.al2" || r.Name == "java11"
	switch {
	case older:
		argv = append(argv, "-XX:MaxMetaspaceSize="+share(f.Memory, 10), "-XX:ReservedCodeCacheSize="+share(f.Memory, 5),
			"-XX:+UseSerialGC", "-javaagent:/var/runtime/amzn-log4j-security-jdk"+strings.TrimSuffix(r.version(), ".al2")+"-0.1alpha.jar", "-Xshare:on")
		if r.Name == "java11" {
			argv = append(argv, "-XX:SharedArchiveFile=/var/lang/lib/server/runtime.jsa")
		}
		argv = append(argv, "-XX:-TieredCompilation", "-Djava.net.preferIPv4Stack=true")
		if r.Name == "java11" {
			argv = append(argv, "-Dorg.crac.Core.Compat=org.crac.inmemory")
		}
		return append(argv, "-classpath", "/var/runtime/lib/LambdaJavaRTEntry-1.0.jar", "lambdainternal.AWSLambda")
	case r.Name == "java25":
		argv = append(argv, "-XX:+UseSerialGC", "-XX:AOTCache=/var/lang/lib/server/runtime.aot")
	default:
		argv = append(argv, "-javaagent:/var/runtime/lib/Log4jHotPatch.jar=log4jFixerVerbose=false", "-XX:+UseSerialGC",
			"-Xshare:on", "-XX:SharedArchiveFile=/var/lang/lib/server/runtime.jsa")
	}
	argv = append(argv, "-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1")
	if r.Name != "java25" {
		argv = append(argv, "--add-opens=java.base/java.io=ALL-UNNAMED")
	}
	if r.Name == "java17" {
		argv = append(argv, "-Djava.net.preferIPv4Stack=true")
	}
	jni := map[string]string{"amd64": "x86_64", "arm64": "aarch_64"}[f.Arch]
	return append(argv, "-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac", "-XX:+ErrorFileToStderr",
		"-Dcom.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI=/var/runtime/lib/jni/libaws-lambda-jni.linux-"+jni+".so",
		"-classpath", strings.Join(javaClient, ":"),
		"com.amazonaws.services.lambda.runtime.api.client.AWSLambda", f.Handler)
}

var javaClient = []string{
	"/var/runtime/lib/aws-lambda-java-core-1.2.3.jar",
	"/var/runtime/lib/aws-lambda-java-runtime-interface-client-2.6.0.jar",
	"/var/runtime/lib/aws-lambda-java-serialization-1.1.5.jar",
}

// share is so many percent of the memory, as the JVM's options have it.
func share(memory, percent int) string {
	return fmt.Sprintf("%dk", (memory*1024*percent+50)/100)
}

// program is the runtime's own program, as its command line names it; empty for
// an OS-only runtime.
func (r Runtime) program() string {
	if r.OSOnly() {
		return ""
	}
	return slices.Concat(r.argv(Function{}), []string{""})[0]
}
