package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/managed"
	"github.com/graft-lambda/graft/internal/session"
	"github.com/graft-lambda/graft/internal/show"
	"github.com/graft-lambda/graft/internal/timeline"
)

const runHelp = `usage: graft run [FLAG…] -- COMMAND…

Runs a function as Lambda would, on this machine: COMMAND is its runtime's
command line, or its own program where it has none. It sees the layers merged
at /opt, the code at /var/task (its working directory), both read-only, a /tmp
of its own, and Lambda's variables; its extensions, and the Runtime, Extensions
and Telemetry APIs, are there too. The rest of the file system and the network
are this machine's. So what Lambda's images bring, such as Python's package
awslambdaric, must be installed here.

The answers go to standard output. Everything else goes to standard error: what
the function and the extensions write, each line with its source before it, and
at the end a timeline of each phase.

the function
  --layer PATH         a layer, folder or zip; several: a later one over an
                       earlier one
  --code DIR           the function's code (the current directory)
  --handler H          the value of _HANDLER (the last word of COMMAND if that
                       has several, as in Lambda's images)
  --name N             the function's name (function)
  --region R           the value of AWS_REGION (us-east-1)
  --env K=V            a variable; may be given several times; of the names that
                       Lambda reserves only those of credentials
  --env-file FILE      variables from a dotenv file, below those of --env; of
                       several files an earlier one wins
  --memory MB          what the function is told it has; no limit (128)
  --timeout D          of an invocation: 3s, 1m30s … (3s)
  --user UID:GID       whom the function and its extensions run as; needs root
  --init-type T        on-demand, provisioned-concurrency, snap-start or
                       lambda-managed-instances (on-demand)
  --concurrency N      invocations at once, on lambda-managed-instances (1)
  --freeze             stop all processes between invocations, as Lambda does

what it gets
  --event JSON|FILE    an event; several take turns ({})
  --count N            invocations in all (one for each event)
  --serve ADDR         offer Lambda's Invoke API at PORT or 127.0.0.1:PORT
                       instead, until Ctrl-C; port 0 is a free one

what is shown
  --json               one JSON document with all on standard output, at the end
  --telemetry          each telemetry event as a line of JSON, as it comes

With AWS_LAMBDA_EXEC_WRAPPER among the variables, that program is started with
COMMAND as its arguments, as in Lambda's managed runtimes. (The OS-only
runtimes, provided.*, do not do this.)

The exit status is 1 if an init or an invocation failed, 2 if the command line
is wrong, and 130 after Ctrl-C, which shuts down in Lambda's order.

examples
  graft run -- ./bootstrap
  graft run --layer dist/my-layer-amd64.zip \
    --env AWS_LAMBDA_EXEC_WRAPPER=/opt/graft \
    --event '{"n":1}' --event event.json --count 10 \
    -- python3 -m awslambdaric app.handler
  graft run --layer my-layer --serve 9000 -- ./bootstrap
`

// tmpSize is Lambda's default, in bytes.
const tmpSize = 512 << 20

// functionName matches what Lambda takes as the name of a function. No request to
// the Invoke API could name one with a slash or a colon.
var functionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

var regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)

// runCommand is graft run.
func runCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := newSession(args, stdout, stderr)
	if err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return errors.New("run: needs Linux; run it in a Linux virtual machine, or in a container with --privileged")
	}
	return s.Run(ctx)
}

var initTypes = []local.InitType{local.OnDemand, local.ProvisionedConcurrency, local.SnapStart, local.ManagedInstances}

func errInitType(t local.InitType) error {
	return fmt.Errorf("--init-type: %q: want on-demand, provisioned-concurrency, snap-start or lambda-managed-instances", t)
}

// runFlags are the flags of graft run that need more than to be read.
type runFlags struct {
	region, user, serve   string
	initType              string
	env, envFiles, events list
}

// newSession is what the flags of graft run ask for.
func newSession(args []string, stdout, stderr io.Writer) (session.Session, error) {
	s := session.Session{Stdout: stdout, Stderr: stderr, Style: timeline.Style{Colour: show.Coloured(stderr, os.Getenv)}}
	f := &s.Function
	f.Timeout, f.TmpSize = 3*time.Second, tmpSize
	var more runFlags
	flags := flag.NewFlagSet("graft run", flag.ContinueOnError)
	flags.Var((*list)(&f.Layers), "layer", "")
	flags.StringVar(&f.Code, "code", ".", "")
	flags.StringVar(&f.Handler, "handler", "", "")
	flags.StringVar(&f.Name, "name", "function", "")
	flags.StringVar(&more.region, "region", "", "")
	flags.Var(&more.env, "env", "")
	flags.Var(&more.envFiles, "env-file", "")
	flags.Var(&more.events, "event", "")
	flags.IntVar(&f.MemoryMB, "memory", 128, "")
	flags.Var((*duration)(&f.Timeout), "timeout", "")
	flags.StringVar(&more.user, "user", "", "")
	flags.StringVar(&more.initType, "init-type", string(local.OnDemand), "")
	flags.IntVar(&f.Concurrency, "concurrency", 0, "")
	flags.BoolVar(&f.Freeze, "freeze", false, "")
	flags.IntVar(&s.Count, "count", 0, "")
	flags.StringVar(&more.serve, "serve", "", "")
	flags.BoolVar(&s.JSON, "json", false, "")
	flags.BoolVar(&s.Telemetry, "telemetry", false, "")
	var err error
	if f.Command, err = commandLine(flags, args, runHelp, stdout); err != nil {
		return s, err
	}
	f.InitType = local.InitType(more.initType)
	if last := len(f.Command) - 1; f.Handler == "" && last > 0 {
		f.Handler = f.Command[last]
	}
	if err := notEmpty(flags, "region", "user", "serve"); err != nil {
		return s, usageError{error: err}
	}
	if err := possible(flags, s); err != nil {
		return s, usageError{error: err}
	}
	if err := more.complete(&s); err != nil {
		return s, usageError{error: err}
	}
	return s, nil
}

// complete sets in s what the flags say. The error is what is wrong with them.
func (r runFlags) complete(s *session.Session) (err error) {
	f := &s.Function
	if r.region != "" && !regionName.MatchString(r.region) {
		return fmt.Errorf("--region: %q: want a region's name, such as eu-west-1", r.region)
	}
	if r.user != "" {
		if f.UID, f.GID, err = userIDs(r.user); err != nil {
			return fmt.Errorf("--user: %w", err)
		}
	}
	if r.serve != "" {
		if s.Serve, err = session.ServeAddress(r.serve); err != nil {
			return fmt.Errorf("--serve: %w", err)
		}
	}
	if s.Events, err = session.Events(r.events); err != nil {
		return err
	}
	if s.Count == 0 {
		s.Count = len(s.Events)
	}
	if f.Env, err = environment(r.env, r.envFiles, refuses(runSets)); err != nil {
		return err
	}
	if r.region != "" {
		f.Env = append(f.Env, "AWS_REGION="+r.region, "AWS_DEFAULT_REGION="+r.region)
	}
	f.Managed = slices.ContainsFunc(f.Env, func(entry string) bool {
		return strings.HasPrefix(entry, managed.ExecWrapper+"=")
	})
	return session.Vet(f.Code, f.Layers)
}

// possible reports flags that exclude each other, and what no function of Lambda
// can have.
func possible(flags *flag.FlagSet, s session.Session) error {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	f := s.Function
	switch {
	case len(f.Command) == 0:
		return errors.New("run: no command given; it comes last: graft run [FLAG…] -- ./bootstrap")
	case !slices.Contains(initTypes, f.InitType):
		return errInitType(f.InitType)
	case !functionName.MatchString(f.Name):
		return fmt.Errorf("--name: %q: Lambda has 1 to 64 letters, digits, hyphens and underscores", f.Name)
	case f.Concurrency < 0 || f.Concurrency > 1000:
		return fmt.Errorf("--concurrency: %d: want 1 to 1000", f.Concurrency)
	case given["concurrency"] && f.InitType != local.ManagedInstances:
		return errors.New("--concurrency: only --init-type lambda-managed-instances runs several invocations at once")
	case f.MemoryMB < 128 || f.MemoryMB > 10240:
		return fmt.Errorf("--memory: %d: Lambda has 128 to 10240 MB", f.MemoryMB)
	case f.Timeout <= 0 || f.Timeout > 15*time.Minute:
		return fmt.Errorf("--timeout: %v: Lambda has up to 15m", f.Timeout)
	case given["count"] && s.Count < 1:
		return fmt.Errorf("--count: %d: want 1 or more", s.Count)
	case given["serve"] && (given["event"] || given["count"] || s.JSON):
		return errors.New("--serve: the events come from elsewhere: not together with --event, --count or --json")
	}
	return nil
}

// userIDs reads UID:GID, or UID alone, which then is the group's number too.
func userIDs(text string) (uid, gid int, err error) {
	first, second, both := strings.Cut(text, ":")
	if !both {
		second = first
	}
	ids := [2]int{}
	for i, part := range []string{first, second} {
		id, err := strconv.ParseUint(part, 10, 31)
		if err != nil || id == 0 {
			return 0, 0, fmt.Errorf("%q: want UID:GID, two numbers above 0, such as 993:990", text)
		}
		ids[i] = int(id)
	}
	return ids[0], ids[1], nil
}
