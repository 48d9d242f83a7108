package main

import (
	"cmp"
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

	"github.com/graft-lambda/graft/internal/keep"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// An example is one folder: an unmodified function, and a layer with agents.
type example struct {
	// dir is the folder below examples.
	dir string
	// language is that of its function; empty if it has several and needs a
	// service to answer them, so that it is not shown.
	language string
	handler  string
	// layers are the folders in the source tree that its layer is built of;
	// dir's own if there is none.
	layers []string
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
	// env are variables that the function's owner sets beside the usual ones.
	env []string
	// image is the stage of the Dockerfile in dir that makes the function; empty
	// if it is no container image.
	image string
	// only names the one runtime that it is shown on; empty for all of language.
	only string
	// native says that its agents are compiled for the machine that builds them.
	native bool
}

// A kit has what functions are run with: the real runtimes and a folder for
// what is built.
type kit struct {
	bed *testbed.Bed
	dir string
	// built is the folder for layers and functions that other kits may use too;
	// dir if empty.
	built string
	log   io.Writer
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
	found, err := inTree(ctx, filepath.Join("examples", ex.dir, "function"))
	if err != nil {
		return "", err
	}
	src := found[0]
	if ex.build == nil {
		return src, nil
	}
	return k.get(ctx, filepath.Join("functions", ex.dir), func(ctx context.Context, out string) error {
		return ex.build(ctx, k.bed, src, out)
	})
}

// get returns the folder of that name among what is built, after filling it if
// it is missing.
func (k *kit) get(ctx context.Context, name string, fill func(ctx context.Context, dir string) error) (string, error) {
	return keep.Folder{Path: filepath.Join(cmp.Or(k.built, k.dir), name), Fill: fill}.Get(ctx)
}

// folders are the layer folders of the example, in the source tree.
func (ex example) folders() []string {
	if len(ex.layers) > 0 {
		return ex.layers
	}
	return []string{filepath.Join("examples", ex.dir, "layer")}
}

// layer returns the folder that stands at /opt: graft and the example's agents.
func (k *kit) layer(ctx context.Context, ex example) (string, error) {
	return k.layerFor(ctx, ex, runtime.GOARCH)
}

// layerFor is layer for arch, amd64 or arm64.
func (k *kit) layerFor(ctx context.Context, ex example, arch string) (string, error) {
	bare, err := k.bare(ctx, arch)
	if err != nil {
		return "", err
	}
	folders, err := inTree(ctx, ex.folders()...)
	if err != nil {
		return "", err
	}
	name := strings.ReplaceAll(strings.Join(ex.folders(), "+"), "/", "-")
	return k.get(ctx, k.opt(arch, name), func(ctx context.Context, dir string) error {
		// What is in the bare layer is not built anew for each.
		if err := layers.Stage(ctx, dir, k.options(arch), append([]string{bare}, folders...)...); err != nil {
			return err
		}
		if wantsSecrets(folders) {
			if err := layers.BuildProgram(ctx, "wrapper/secrets", arch, filepath.Join(dir, "graft-secrets")); err != nil {
				return err
			}
		}
		return compileAgents(ctx, k.bed, folders, arch, dir)
	})
}

// bare returns a layer of graft alone.
func (k *kit) bare(ctx context.Context, arch string) (string, error) {
	return k.get(ctx, k.opt(arch, "bare"), func(ctx context.Context, dir string) error {
		return layers.Build(ctx, dir, k.options(arch))
	})
}

func (k *kit) opt(arch, name string) string {
	return filepath.Join("opt", arch, string(k.options(arch).Companion), name)
}

func (k *kit) options(arch string) layers.Options {
	return layers.Options{Arch: arch, Companion: cmp.Or(k.companion, layers.External), Offline: !k.bed.Fetch, Log: k.log}
}

// inTree returns the paths of folders of the source tree.
func inTree(ctx context.Context, folders ...string) ([]string, error) {
	root, err := layers.SourceTree(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, folder := range folders {
		found = append(found, filepath.Join(root, folder))
	}
	return found, nil
}

// function returns the example as it runs on rt, with everything its agents
// export going to recv.
func (k *kit) function(ctx context.Context, ex example, rt testbed.Runtime, recv *receiver.Server) (local.Function, error) {
	opt, err := k.layer(ctx, ex)
	if err != nil {
		return local.Function{}, err
	}
	f := local.Function{
		Name: "example-" + ex.dir, Handler: ex.handler, Layers: []string{opt},
		Command: ex.command, Managed: len(ex.command) == 0,
		Env: slices.Concat(rt.Env, []string{"GRAFT_LOG=info", "GRAFT_TELEMETRY=platform"}, ex.env, endpoints(recv, ex)),
		// A JVM with two agents takes its time to start. On a busy machine that is
		// more than Lambda's 10 s, after which it would start once more.
		Timeout: time.Minute, InitTimeout: time.Minute, MemoryMB: 1024, TmpSize: 512 << 20,
	}
	if ex.image != "" {
		return k.image(ctx, ex, rt, f)
	}
	if f.Code, err = k.code(ctx, ex); err != nil {
		return local.Function{}, err
	}
	f.Env = append(f.Env, "AWS_LAMBDA_EXEC_WRAPPER=/opt/graft")
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
	env := []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + recv.URL(),
		"ELASTIC_APM_SERVER_URL=" + recv.URL(),
		"ELASTIC_APM_AWS_LAMBDA_HANDLER=" + ex.handler,
		// Without Datadog's own extension its spans would go to the log.
		"DD_TRACE_EXPERIMENTAL_EXPORTER=agent",
		"SENTRY_DSN=" + strings.Replace(recv.URL(), "//", "//key@", 1) + "/1",
		"SENTRY_TRACES_SAMPLE_RATE=1",
		// New Relic's spans go to the log, if an account is named.
		"NEW_RELIC_ACCOUNT_ID=1",
	}
	if ex.language != "python" {
		// Datadog's agent for Python would send too late for a function, and
		// has the log for where there is no extension.
		env = append(env, "DD_TRACE_AGENT_URL="+recv.URL())
	}
	return env
}

// leftOut names an agent that cannot run on rt, and why.
func leftOut(rt testbed.Runtime) (agent, why string) {
	if rt.Name == "java11" && rt.Argv[0] == "/var/lang/bin/java" {
		return "elastic", "this build of Java 11 lacks the module jdk.zipfs, which Elastic's agent needs"
	}
	return "", ""
}
