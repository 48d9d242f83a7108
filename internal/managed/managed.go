// Package managed is what Lambda's managed runtimes start: the command line
// and environment that a runtime's own bootstrap hands to the program of
// AWS_LAMBDA_EXEC_WRAPPER, and what of the runtime's files a plan looks at.
//
// AWS does not publish most bootstraps. The command lines of Java 8 to 21,
// Node.js 18, Python 3.10 and 3.11 and .NET 6 and 8 are those of public copies;
// of the others [Runtime.Assumed] says what is taken for them.
package managed

import (
	"fmt"
	"strings"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
)

// ExecWrapper is the variable that names the program in front of a managed
// runtime's own.
const ExecWrapper = "AWS_LAMBDA_EXEC_WRAPPER"

// A Runtime is one of Lambda's runtimes for zip packages.
type Runtime struct {
	// Name is Lambda's name for it, such as nodejs22.x.
	Name     string
	Language fragment.Language
	// Assumed says what of it is not known from a public copy; often empty.
	Assumed string
}

// OSOnly reports whether the function brings its own bootstrap. Lambda does not
// run AWS_LAMBDA_EXEC_WRAPPER there.
func (r Runtime) OSOnly() bool { return r.Language == fragment.Other }

// version is what the name says of the version.
func (r Runtime) version() string {
	return strings.TrimSuffix(strings.TrimPrefix(r.Name, string(r.Language)), ".x")
}

// Handler is a handler as Lambda's own examples have it, for a function that
// says nothing of its own.
func (r Runtime) Handler() string {
	switch r.Language {
	case fragment.NodeJS:
		return "index.handler"
	case fragment.Python:
		return "lambda_function.lambda_handler"
	case fragment.Java:
		return "example.Handler::handleRequest"
	case fragment.DotNet:
		return "Example::Example.Function::Handler"
	case fragment.Ruby:
		return "lambda_function.lambda_handler"
	}
	return "bootstrap"
}

const (
	likeNode   = "its command line is not public; that of Node.js 18 stands for it"
	likePython = "its command line is not public; that of Python 3.10 and 3.11 stands for it"
	noRuby     = "its command line is not public, and assumed"
)

// Runtimes lists the managed runtimes, then the OS-only ones, each language's
// newest last.
var Runtimes = []Runtime{
	{"nodejs18.x", fragment.NodeJS, ""},
	{"nodejs20.x", fragment.NodeJS, likeNode},
	{"nodejs22.x", fragment.NodeJS, likeNode},
	{"nodejs24.x", fragment.NodeJS, likeNode},
	{"python3.8", fragment.Python, likePython},
	{"python3.9", fragment.Python, likePython},
	{"python3.10", fragment.Python, ""},
	{"python3.11", fragment.Python, ""},
	{"python3.12", fragment.Python, likePython},
	{"python3.13", fragment.Python, likePython},
	{"python3.14", fragment.Python, likePython},
	{"java8.al2", fragment.Java, ""},
	{"java11", fragment.Java, ""},
	{"java17", fragment.Java, ""},
	{"java21", fragment.Java, ""},
	{"java25", fragment.Java, "its command line is not public, and assumed"},
	{"dotnet6", fragment.DotNet, ""},
	{"dotnet8", fragment.DotNet, ""},
	{"dotnet10", fragment.DotNet, "its command line is not public; that of .NET 6 and 8 stands for it"},
	{"ruby3.2", fragment.Ruby, noRuby},
	{"ruby3.3", fragment.Ruby, noRuby},
	{"ruby3.4", fragment.Ruby, noRuby},
	{"provided.al2", fragment.Other, ""},
	{"provided.al2023", fragment.Other, ""},
}

// Find returns the runtime with a name.
func Find(name string) (Runtime, bool) {
	for _, r := range Runtimes {
		if r.Name == name {
			return r, true
		}
	}
	return Runtime{}, false
}

// A Function is what a runtime's bootstrap makes its command line of.
type Function struct {
	Handler string
	// Memory is in MB; 128 if 0, as Lambda has it.
	Memory int
	// Arch is the processor as Go names it: amd64, arm64.
	Arch string
	// Native is set for a .NET function that is a native program.
	Native bool
	// Env are the function's own variables, NAME=value. They win over Lambda's.
	Env []string
}

// Process returns what the bootstrap of r is about to start for f.
func (r Runtime) Process(f Function) inject.Process {
	if f.Memory == 0 {
		f.Memory = 128
	}
	return inject.Process{Argv: r.argv(f), Env: over(r.environ(f), f.Env)}
}

// Image returns the environment of a container image's process: that of Lambda
// itself, without what a managed runtime's bootstrap adds.
func Image(f Function) inject.Env {
	env := lambda(f)
	if f.Handler == "" { // it is in the command line
		env = env.Without("_HANDLER")
	}
	return over(env, f.Env)
}

// over lays the function's own variables over Lambda's.
func over(env inject.Env, own []string) inject.Env {
	for _, entry := range own {
		name, value, _ := strings.Cut(entry, "=")
		env = env.With(name, value)
	}
	return env
}

// lambda is what every process has.
func lambda(f Function) inject.Env {
	return inject.Env{
		"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LANG=en_US.UTF-8",
		"LAMBDA_TASK_ROOT=/var/task",
		"_HANDLER=" + f.Handler,
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME=function",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", f.Memory),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/function",
		"AWS_LAMBDA_LOG_STREAM_NAME=stream",
		"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001",
		"AWS_ACCESS_KEY_ID=id",
		"AWS_SECRET_ACCESS_KEY=key",
		"AWS_SESSION_TOKEN=token",
		"AWS_XRAY_CONTEXT_MISSING=LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS=169.254.79.129:2000",
	}
}

func (r Runtime) environ(f Function) inject.Env {
	env := append(lambda(f), "LAMBDA_RUNTIME_DIR=/var/runtime", "TZ=:UTC")
	if r.OSOnly() {
		return append(env, "LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib")
	}
	env = append(env,
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"AWS_EXECUTION_ENV=AWS_Lambda_"+r.Name)
	switch r.Language {
	case fragment.NodeJS:
		env = append(env, "NODE_PATH=/opt/nodejs/node"+r.version()+"/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task")
		if r.Name == "nodejs18.x" { // from 20 on, the runtime leaves Amazon's certificates out
			env = append(env, "NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem")
		}
	case fragment.DotNet:
		env = append(env, "DOTNET_ROOT=/var/lang/bin")
		if r.Name == "dotnet8" {
			env = append(env, "SSL_CERT_FILE=/tmp/noop")
		}
	case fragment.Ruby:
		api := r.version() + ".0"
		env = append(env, "GEM_PATH=/var/task/vendor/bundle/ruby/"+api+":/opt/ruby/gems/"+api+":/var/runtime:/var/runtime/ruby/"+api,
			"RUBYLIB=/var/task:/var/runtime/lib:/opt/ruby/lib")
	}
	return env
}
