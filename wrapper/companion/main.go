// Graft-companion is graft's extension. It runs the programs that fragments ask for with GRAFT_RUN,
// so that any program becomes an extension, and watches the environment
// through the Telemetry API where the function asks for it.
//
// It registers under the base name of its own file. With nothing to do it
// registers for nothing and sleeps; else for SHUTDOWN only, so that no
// invocation ever waits for it; for INVOKE too with GRAFT_TELEMETRY_FLUSH=end,
// except on Managed Instances.
//
// # External and forked
//
// In /opt/extensions it is an external extension, which Lambda starts. As
// /opt/graft-companion the wrapper starts it, and to Lambda it is an internal
// one. It then lives in the runtime's process group: there is no SHUTDOWN, but
// the SIGTERM that the group gets when the environment ends, or the end of the
// group's leader. The wrapper waits until it has registered, for a second at
// most, and the programs have that long to be ready. If Lambda has closed the
// registration by then, the programs run on without it, and there is no
// telemetry. Of two that are started in one environment, the second ends. Lambda
// waits for nobody once the runtime has ended, so the events of the last second
// may not arrive.
//
// # Managed Instances and SnapStart
//
// On Managed Instances many invocations run at once, and telemetry is sent every
// second or when a batch is full. Under SnapStart the programs are started
// before the snapshot, and nothing tells them of the restore.
//
// # Settings
//
// On the function:
//
//	GRAFT_DISABLE          1, true or *: nothing to do. NAME[,NAME…]: the programs
//	                       of these fragments are not run.
//	GRAFT_LOG              warn (default), off, info, debug: what it says of itself.
//	                       What its programs print is always passed on.
//	GRAFT_ENV_FILE         dotenv files, read as the wrapper reads them.
//	GRAFT_TELEMETRY        platform,function,extension: what to subscribe to, one
//	                       or more of these; unset: nothing.
//	GRAFT_TELEMETRY_TO     stdout (default), emf, otlp: where it is sent, one or
//	                       more of these. stdout: a line of JSON for each platform
//	                       event. emf: lines in CloudWatch's embedded metric
//	                       format. otlp: to an OpenTelemetry collector, by the
//	                       variables OTEL_EXPORTER_OTLP_… of its specification.
//	GRAFT_TELEMETRY_FLUSH  async (default), end: whether an invocation waits
//	                       until its telemetry is sent. On Managed Instances none
//	                       waits.
//
// In a fragment:
//
//	GRAFT_RUN                COMMAND [ARGUMENT …], as shell words.
//	GRAFT_RUN_READY          none (default), tcp:HOST:PORT, http:URL, file:PATH,
//	                         exit: the runtime is started when that holds. A
//	                         program that ends with status 0 under exit is done;
//	                         any other end has it started again.
//	GRAFT_RUN_READY_TIMEOUT  a duration such as 500ms, 2s by default: how long the
//	                         runtime's start waits for that at most.
//
// # Failing open
//
// An extension that exits takes the function down. So whatever goes wrong here,
// the companion says so in one line and stays in its event loop. It exits after
// SHUTDOWN, with status 0, and at no other time (but see above); it writes no
// file.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/extension"
	"github.com/graft-lambda/graft/internal/resolve"
)

func main() { begin(thisMachine()) }

// begin is main on a machine, which may have a telemetry of its own.
func begin(m machine) {
	if slices.Equal(os.Args[1:], []string{forkArgument}) {
		os.Exit(fork())
	}
	ctx := context.Background()
	if slices.Equal(os.Args[1:], []string{forkedArgument}) {
		syscall.CloseOnExec(wrapperPipe)
		m.forked, m.wrapper = true, os.NewFile(wrapperPipe, "wrapper")
		if !first(m.env) {
			tell(m.wrapper, registeredWord)
			return
		}
		ctx, _ = signal.NotifyContext(untilLeaderEnds(ctx), syscall.SIGTERM)
	}
	c := newCompanion(m)
	if c.telemetry == nil {
		c.telemetry = &watch{stdout: m.stdout, say: func(line string) { c.say(fragment.Warn, "%s", line) }}
	}
	c.live(ctx)
}

// thisMachine reads what the companion depends on.
func thisMachine() machine {
	dir, err := os.Getwd()
	if err != nil || dir == "/" {
		// Where the function is, for the paths that its owner wrote.
		dir = "/var/task"
	}
	return machine{
		name: filepath.Base(os.Args[0]),
		api:  extension.New(os.Getenv("AWS_LAMBDA_RUNTIME_API")),
		env:  inject.Env(os.Environ()),
		dir:  dir,
		root: os.DirFS("/"),
		resolve: func(env, questions []string, limit time.Duration) []reference.Answer {
			return resolve.AskIn(dir, env, questions, limit)
		},
		stdout: os.Stdout,
		stderr: os.Stderr,
		now:    time.Now,
		sleep:  sleep,
		settle: sync.OnceFunc(settle),
	}
}

// settle makes this process fit for a long life. That takes a thread, and
// would take a third of the time from exec to the registration, for which the
// runtime waits: so not at once.
func settle() {
	// The function's GOGC is not meant for this. The heap is small and mostly at
	// rest: under load this saves a quarter of the memory, or more.
	debug.SetGCPercent(25)
	// Of these the first is the end of Lambda's log pipe. None of them is how
	// Lambda ends an external extension, and all would end a Go program.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGINT,
		syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
