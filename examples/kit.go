package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// An example is one folder: an unmodified function and a layer with agents.
type example struct {
	// dir is the folder below examples.
	dir      string
	language string
	handler  string
	// code is the folder with the function, if it is not dir's own.
	code string
	// build makes the function's code in out from its sources in src; nil if
	// the sources are the code.
	build func(ctx context.Context, bed *testbed.Bed, src, out string) error
	// command is the program of a custom runtime; empty for a managed one.
	command []string
	// once says that it is not about the runtime: the demo shows it on one.
	once bool
	// port is one of loopback that the fragments name; empty if they name none.
	port string
}

// A kit has what functions are run with: the real runtimes and a folder for
// what is built.
type kit struct {
	bed *testbed.Bed
	dir string
	log io.Writer
	// companion is how it stands in the layers; external if empty.
	companion layers.Companion
	// moved is the port that has taken the place of an example's.
	moved string
	// verbose shows all that functions write.
	verbose bool
}

// code returns the folder with the example's function, ready to run.
func (k *kit) code(ctx context.Context, ex example) (string, error) {
	if ex.code != "" {
		return ex.code, nil
	}
	src, err := source(ctx, ex.dir, "function")
	if err != nil || ex.build == nil {
		return src, err
	}
	out := filepath.Join(k.dir, ex.dir, "function")
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", err
	}
	if err := ex.build(ctx, k.bed, src, out); err != nil {
		os.RemoveAll(out)
		return "", err
	}
	return out, nil
}

// layer returns the folder that stands at /opt: graft and the example's agents.
func (k *kit) layer(ctx context.Context, ex example) (string, error) {
	out := filepath.Join(k.dir, ex.dir, "opt")
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	if err := buildLayer(ctx, k.bed, ex.dir, runtime.GOARCH, k.companion, out, k.log); err != nil {
		os.RemoveAll(out)
		return "", err
	}
	return out, nil
}

// source returns a folder of an example in the source tree.
func source(ctx context.Context, parts ...string) (string, error) {
	root, err := layers.SourceTree(ctx)
	if err != nil {
		return "", err
	}
	return filepath.Join(append([]string{root, "examples"}, parts...)...), nil
}

// function returns the example as it runs on rt, with everything its agents
// export going to recv.
func (k *kit) function(ctx context.Context, ex example, rt testbed.Runtime, recv *receiver.Server) (local.Function, error) {
	code, err := k.code(ctx, ex)
	if err != nil {
		return local.Function{}, err
	}
	opt, err := k.layer(ctx, ex)
	if err != nil {
		return local.Function{}, err
	}
	f := local.Function{
		Name: "example-" + ex.dir, Handler: ex.handler, Code: code, Layers: []string{opt},
		Command: ex.command, Managed: len(ex.command) == 0,
		Env: slices.Concat(rt.Env, []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/graft", "GRAFT_LOG=info", "GRAFT_TELEMETRY=platform"}, endpoints(recv, ex)),
		// A JVM with two agents takes its time to start. On a busy machine that is
		// more than Lambda's 10 s, after which it would start once more.
		Timeout: time.Minute, InitTimeout: time.Minute, MemoryMB: 1024, TmpSize: 512 << 20,
	}
	if ex.port != "" {
		if k.moved == "" {
			if k.moved, err = movePort(opt, ex.port); err != nil {
				return local.Function{}, err
			}
		}
		f.Env = append(f.Env, "GREETER=http://127.0.0.1:"+k.moved)
	}
	if agent, _ := leftOut(rt); agent != "" {
		f.Env = append(f.Env, "GRAFT_DISABLE="+agent)
	}
	if f.Managed {
		f.Command = rt.Command(ex.handler)
		if strings.HasSuffix(rt.Name, "-image") {
			// An image's own base: nothing calls the wrapper but the ENTRYPOINT.
			f.Managed = false
			f.Command = append([]string{"/opt/graft"}, f.Command...)
		}
	}
	for _, m := range rt.Mounts {
		f.Mounts = append(f.Mounts, local.Mount(m))
	}
	return f, nil
}

// movePort has the fragments of a layer name a free port, and returns it: here
// the network is the machine's, where somebody may have the one that they name.
func movePort(opt, port string) (free string, err error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, free, err = net.SplitHostPort(listener.Addr().String())
	if err = errors.Join(err, listener.Close()); err != nil {
		return "", err
	}
	fragments, err := filepath.Glob(filepath.Join(opt, "graft.d", "*.env"))
	if err != nil {
		return "", err
	}
	for _, name := range fragments {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(text), port, free)), 0o644); err != nil {
			return "", err
		}
	}
	return free, nil
}

// endpoints tells each vendor's agent where to send, and what it must know of
// the function.
func endpoints(recv *receiver.Server, ex example) []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + recv.URL(),
		"ELASTIC_APM_SERVER_URL=" + recv.URL(),
		"ELASTIC_APM_AWS_LAMBDA_HANDLER=" + ex.handler,
		"DD_TRACE_AGENT_URL=" + recv.URL(),
		// Without Datadog's own extension its spans would go to the log.
		"DD_TRACE_EXPERIMENTAL_EXPORTER=agent",
	}
}

// leftOut names an agent that cannot run on rt, and why.
func leftOut(rt testbed.Runtime) (agent, why string) {
	if rt.Name == "java11" && rt.Argv[0] == "/var/lang/bin/java" {
		return "elastic", "this build of Java 11 lacks the module jdk.zipfs, which Elastic's agent needs"
	}
	return "", ""
}
