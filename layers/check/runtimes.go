package check

import (
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// A managed is a runtime of Lambda and what it starts.
type managed struct {
	name     string // as templates have it
	language fragment.Language
	version  fragment.Version
	argv     []string
}

// runtimeNames are the runtimes that functions can still be made with or
// changed to.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
var runtimeNames = []string{
	"java8.al2", "java11", "java17", "java21", "java25",
	"nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x",
	"python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14",
	"dotnet8", "dotnet10",
	"ruby3.2", "ruby3.3", "ruby3.4",
	"provided.al2", "provided.al2023",
}

// allRuntimes are the runtimes of these names.
func allRuntimes() []managed {
	var list []managed
	for _, name := range runtimeNames {
		if rt, ok := managedRuntime(name); ok {
			list = append(list, rt)
		}
	}
	return list
}

// managedRuntime returns the runtime of a name, which need not be in the list:
// there are older and newer ones.
func managedRuntime(name string) (managed, bool) {
	language, version, err := fragment.ParseRuntime(name)
	if err != nil {
		return managed{}, false
	}
	rt := managed{name: name, language: language, version: version}
	switch language {
	case fragment.Java:
		rt.argv = []string{"/var/lang/bin/java", "-Xshare:on", "-classpath", "/var/runtime/lib/aws-lambda-java-runtime.jar",
			"com.amazonaws.services.lambda.runtime.api.client.AWSLambda", handler}
	case fragment.NodeJS:
		rt.argv = []string{"/var/lang/bin/node", "--expose-gc", "--max-http-header-size", "81920", "/var/runtime/index.mjs"}
	case fragment.Python:
		rt.argv = []string{"/var/lang/bin/" + strings.TrimSuffix(name, ".x"), "/var/runtime/bootstrap.py"}
	case fragment.DotNet:
		rt.argv = []string{"/var/lang/bin/dotnet", "exec", "/var/runtime/Amazon.Lambda.RuntimeSupport.dll", handler}
	case fragment.Ruby:
		rt.argv = []string{"/var/lang/bin/ruby", "/var/runtime/lib/runtime.rb"}
	default:
		rt.argv = []string{"/var/task/bootstrap"}
	}
	return rt, true
}

// handler stands for the function's own.
const handler = "index.handler"

// osOnly reports whether the runtime's bootstrap is the function's own, which
// calls no wrapper by itself.
func (rt managed) osOnly() bool { return rt.language == fragment.Other }

// hasProgram reports whether env finds a program in the runtime.
func (rt managed) hasProgram(program string) bool {
	names := map[fragment.Language][]string{
		fragment.Java: {"java"}, fragment.NodeJS: {"node"}, fragment.DotNet: {"dotnet"}, fragment.Ruby: {"ruby"},
		fragment.Python: {"python", "python3", strings.TrimSuffix(rt.name, ".x")},
	}
	for lang, list := range names {
		if slices.Contains(list, program) || lang == fragment.Python && strings.HasPrefix(program, "python3.") {
			return lang == rt.language
		}
	}
	return true // any other may be part of the system
}

// process is what the runtime's own start script hands to the wrapper, with
// the variables of a function.
func (rt managed) process(vars []fragment.Var) inject.Process {
	env := inject.Env{
		"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=" + handler, "AWS_EXECUTION_ENV=AWS_Lambda_" + rt.name, "AWS_LAMBDA_EXEC_WRAPPER=/opt/graft",
	}
	if rt.language == fragment.NodeJS {
		major, _, _ := strings.Cut(strings.TrimPrefix(rt.name, "nodejs"), ".")
		env = env.With("NODE_PATH", "/opt/nodejs/node"+major+"/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task")
	}
	for _, v := range vars {
		env = env.With(v.Name, v.Value)
	}
	return inject.Process{Argv: rt.argv, Env: env}
}

// systemLibraries are what Amazon Linux 2 and 2023 have in Lambda and native
// agents commonly need.
var systemLibraries = []string{
	"libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2", "libnss_dns.so.2",
	"libgcc_s.so.1", "libstdc++.so.6", "libz.so.1", "liblzma.so.5", "libuuid.so.1", "libcrypt.so.1", "libgomp.so.1",
}

// system puts what Lambda itself has beside the layers: for the runtime rt and
// the architecture arch.
func (r *root) system(rt managed, arch string) {
	library := header(arch)
	for _, name := range systemLibraries {
		r.putData("lib64/"+name, library, 0o755)
	}
	for _, name := range systemPrograms {
		r.putData(strings.TrimPrefix(name, "/"), "", 0o755)
	}
	for _, dir := range []string{"var/task", "var/runtime", "tmp", "opt"} {
		r.mkdir(dir)
	}
	if !rt.osOnly() {
		r.putData(strings.TrimPrefix(rt.argv[0], "/"), "", 0o755)
		// Every JVM has its own libraries loaded before any agent's.
		for _, name := range []string{"lib/libjvm.so", "lib/libjava.so", "lib/libjli.so", "lib/server/libjvm.so"} {
			r.putData("var/lang/"+name, library, 0o755)
		}
	}
}

// header is the least that is a native library for arch.
func header(arch string) string {
	machine := byte(62) // EM_X86_64
	if arch == "arm64" {
		machine = 183 // EM_AARCH64
	}
	h := make([]byte, 64)
	copy(h, "\x7fELF\x02\x01\x01")
	h[16], h[18], h[20], h[52] = 3, machine, 1, 64 // ET_DYN, its version, its size
	return string(h)
}
