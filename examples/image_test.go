package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/receiver"
	"github.com/graft-lambda/graft/internal/testbed"
)

// What AWS's base images have before the runtime, in short: the start script,
// which needs the handler and leaves the rest to Lambda or to the emulator, and
// the bootstrap, which runs the wrapper.
const (
	startScript = `#!/bin/sh
[ $# -eq 1 ] || { echo "the first argument must be the handler" >&2; exit 142; }
export _HANDLER="$1"
[ -n "$AWS_LAMBDA_RUNTIME_API" ] || exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
exec /var/runtime/bootstrap
`
	bootstrapScript = `#!/bin/bash
export AWS_EXECUTION_ENV=AWS_Lambda_python3.12
runtime=(/var/lang/bin/python3.12 /var/runtime/bootstrap.py)
[ -n "$AWS_LAMBDA_EXEC_WRAPPER" ] || exec "${runtime[@]}"
exec -- "$AWS_LAMBDA_EXEC_WRAPPER" "${runtime[@]}"
`
)

// onAWSBase starts f as AWS's base image does, by its start script behind the
// words of entrypoint.
func onAWSBase(t *testing.T, f local.Function, entrypoint ...string) local.Function {
	dir := t.TempDir()
	f.Command = append(append(entrypoint, "/lambda-entrypoint.sh"), f.Command...)
	for target, text := range map[string]string{"/lambda-entrypoint.sh": startScript, "/var/runtime/bootstrap": bootstrapScript} {
		file := filepath.Join(dir, filepath.Base(target))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o755))
		f.Mounts = append(f.Mounts, local.Mount{Source: file, Target: target})
	}
	return f
}

// TestContainer runs both images of the Dockerfile from their root file systems.
// The agent loads once, also where graft stands before AWS's start script and is
// called again by the bootstrap.
func TestContainer(t *testing.T) {
	k := newKit(t)
	for _, test := range []struct {
		name, stage, runtime string
		start                func(local.Function) local.Function
	}{
		{"any base", "any", "python3.12-image", func(f local.Function) local.Function { return f }},
		{"AWS base", "aws", "python3.12", func(f local.Function) local.Function { return onAWSBase(t, f) }},
		{"AWS base behind graft", "aws", "python3.12", func(f local.Function) local.Function { return onAWSBase(t, f, "/opt/graft") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			ex := exampleIn(t, "container")
			ex.image = test.stage
			recv, err := receiver.New()
			require.NoError(t, err)
			defer recv.Close()
			f, err := k.function(t.Context(), ex, testbed.Need(t, k.bed, test.runtime), recv)
			testbed.NeedErr(t, err)
			tr, err := tryFunction(t.Context(), test.start(f), recv)
			require.NoError(t, err, tr.log)
			assert.Regexp(t, `"runtime": "Python 3\.12\.`, string(tr.responses[0].Body))
			assert.Len(t, tr.figures.invocations, invocations, tr.companion)
			assert.Equal(t, 1, strings.Count(tr.log, "start-time: 2"), tr.log)
			assert.Contains(t, tr.log, "graft: python 3.12: start-time\n")
			assert.NotContains(t, tr.log, "skipped")
		})
	}
}

// TestLayerStage runs the line of the Dockerfile that builds the layer, with
// this source tree for the one that it fetches.
func TestLayerStage(t *testing.T) {
	text, err := os.ReadFile("container/Dockerfile")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^RUN (cd /graft && .*)$`).FindSubmatch(text)
	require.NotNil(t, line)
	paths, err := inTree(t.Context(), ".", "examples/container/layer")
	require.NoError(t, err)
	into := filepath.Join(t.TempDir(), "layer")
	script := strings.NewReplacer("cd /graft", "cd "+paths[0], "/opt/layer", into, " /layer", " "+paths[1]).Replace(string(line[1]))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "TARGETARCH=arm64")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, name := range []string{"graft", "extensions/graft-companion", "graft.d/50-start-time.env", "start-time/sitecustomize.py"} {
		assert.FileExists(t, filepath.Join(into, name))
	}
}

// TestReadStage refuses what it would otherwise pass over.
func TestReadStage(t *testing.T) {
	for text, want := range map[string]string{
		"FROM a AS other\nCMD [\"x\"]":    `no stage "any"`,
		"FROM a AS any\nADD x /y":         "ADD: not known here",
		"FROM a AS any\nCOPY a b /c/":     "one source and one target",
		"FROM a AS any\nCOPY":             "one source and one target",
		"FROM a AS any\nCMD app.handler":  "invalid character",
		"FROM a AS any\nENTRYPOINT graft": "invalid character",
	} {
		file := filepath.Join(t.TempDir(), "Dockerfile")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		_, err := readStage(file, "any")
		assert.ErrorContains(t, err, want, text)
	}
}

// TestWorkflow has actionlint read the workflow that builds the image, and its
// scripts where shellcheck is.
func TestWorkflow(t *testing.T) {
	testbed.NeedFetch(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7", "container/.github/workflows/image.yml")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
