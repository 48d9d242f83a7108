// Graft is the wrapper of the layer: AWS Lambda runs it through
// AWS_LAMBDA_EXEC_WRAPPER=/opt/graft in front of a function's runtime. It
// merges what the agents' fragments in /opt/graft.d ask for into the runtime's
// command line and environment and then becomes the runtime by execve(2): same
// process id, same file descriptors, same working directory.
//
//	/opt/graft PROGRAM [ARGUMENT …]
//
// Where a variable is a reference to a setting or secret kept elsewhere
// ([reference]), it first has /opt/graft-secrets fetch the value.
//
// It can also stand in front of the command of a container image's ENTRYPOINT,
// or in one line of a custom runtime's bootstrap.
//
// Where the layer has an executable file /opt/graft-companion, and there is
// Lambda's API to speak to, it first starts that beside the runtime, and waits a
// second at most until it has registered as an extension.
//
// # Settings
//
// All settings are optional environment variables of the function.
//
//	GRAFT_DISABLE   unset, 0 or false (default): nothing is switched off.
//	                1, true or *: the runtime is started untouched.
//	                NAME[,NAME…]: these agents are left out; GRAFT_LOG=info tells
//	                of a name that no agent has.
//	                It is read before anything else, from the function's own
//	                environment only.
//	GRAFT_STRICT    0 (default), 1: a problem or a skipped agent ends graft with
//	                exit status 1, and so the function, instead of starting the
//	                function without the agent.
//	GRAFT_LOG       warn (default): a line for each problem and skipped agent.
//	                off: nothing. info: also a line that names the agents.
//	                debug: also the whole plan, with graft's own parts only.
//	GRAFT_ENV_FILE  PATH[:PATH…]: dotenv files with variables of the function,
//	                relative to the working directory; an earlier file wins.
//	                They count as if set on the function, which wins over them.
//	GRAFT_NEXT      PATH: another vendor's wrapper, to run after graft.
//	GRAFT_JAVA      argv (default), env: where JVM options go. In the
//	                environment (JAVA_TOOL_OPTIONS) child JVMs inherit them and
//	                every JVM prints them.
//	GRAFT_SECRETS   required (default): the function is not started when a
//	                reference of its own (a variable's value that begins with
//	                ref+) has no value. optional: it lacks the variable.
//	GRAFT_SECRETS_TIMEOUT  3s (default), a duration such as 500ms: how long all
//	                references together may take.
//	GRAFT_SSM_PATH  /PATH: a variable for every parameter of Parameter Store
//	                below the path that the function lacks.
//	GRAFT_RUNTIME   java21, nodejs22, python3.12, dotnet8, ruby3.4, other …:
//	                what the program is, where graft cannot know.
//
// # Exit status
//
// The runtime's own. Else 2 if no program is given, 126 if the program cannot
// be executed, 127 if it is not found, 1 if GRAFT_STRICT=1 and something was
// amiss, or a reference of the function has no value. Whatever else goes wrong, the function starts, and one line on
// standard error says what was left out and why:
//
//	graft: java: otel: skipped: /opt/otel/agent.jar: no such file
//
// No value of a variable is ever printed that graft did not write, but for the
// paths in GRAFT_ENV_FILE and GRAFT_NEXT that cannot be used.
//
// # Limits
//
// Go's run-time sets up signals before graft runs, and nothing tells what was
// before: of the signals that graft was started with ignored or blocked, the
// runtime finds SIGHUP and SIGINT still ignored, and SIGUSR1, SIGUSR2, SIGPIPE
// and SIGALRM still blocked; most others are at their default.
package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/graft-lambda/graft/internal/resolve"
)

func main() {
	os.Exit(run(thisMachine()))
}

// thisMachine reads what the wrapper depends on.
func thisMachine() system {
	dir, err := os.Getwd()
	if err != nil {
		dir = "/"
	}
	self, err := os.Executable()
	if err != nil {
		self, _ = filepath.Abs(os.Args[0])
	}
	return system{
		args:   os.Args,
		env:    environ(),
		dir:    dir,
		pid:    os.Getpid(),
		root:   os.DirFS("/"),
		arch:   runtime.GOARCH,
		self:   self,
		stderr: os.Stderr,

		resolve:   resolve.Ask,
		companion: startCompanion,
		exec:      syscall.Exec,
	}
}

// environ returns the environment as the kernel has it. os.Environ leaves out
// the second of two entries of one name and some that have none.
func environ() []string {
	data, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		return os.Environ()
	}
	if len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}
