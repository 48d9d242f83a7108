package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject"
	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/template"
	"github.com/graft-lambda/graft/internal/testbed"
	"github.com/graft-lambda/graft/layers"
)

// TestReferencesRole: of what the README has the role do, SAM's policy template
// for a secret lacks one.
func TestReferencesRole(t *testing.T) {
	text, err := os.ReadFile("references/template.yaml")
	require.NoError(t, err)
	assert.Contains(t, string(text), "Action: secretsmanager:BatchGetSecretValue\n              Resource: '*'\n")
}

// TestReferences runs the unmodified function of examples/references with its
// template's own variables, on demand and out of a snapshot. What it finds is in
// no log and no file.
func TestReferences(t *testing.T) {
	k := newKit(t)
	rt := testbed.Need(t, k.bed, "python3.13")
	env := newStore(t, k.bed)
	url, _ := inject.Env(env).Lookup("AWS_ENDPOINT_URL")
	for name, value := range map[string]string{
		"/example/database/host": "s3cret-host", "/example/settings/url": readersURL, "/example/settings/log-level": "s3cret",
	} {
		_, err := ssm.NewFromConfig(storeConfig(url)).PutParameter(t.Context(), &ssm.PutParameterInput{
			Name: &name, Value: aws.String(value), Type: types.ParameterTypeSecureString,
		})
		require.NoError(t, err)
	}
	text, err := os.ReadFile("references/template.yaml")
	require.NoError(t, err)
	parsed, err := template.Parse(text)
	require.NoError(t, err)
	for _, v := range parsed.Functions[0].Environment.Variables {
		env = append(env, v.Name+"="+v.Value.Text)
	}
	opt := filepath.Join(k.dir, "opt")
	require.NoError(t, layers.Build(t.Context(), opt, layers.Options{Arch: runtime.GOARCH, Secrets: true, Log: t.Output()}))
	for _, kind := range []local.InitType{local.OnDemand, local.SnapStart} {
		t.Run(string(kind), func(t *testing.T) {
			var log transcript
			f := local.Function{
				Handler: "app.handler", Command: rt.Command("app.handler"), Managed: true, Code: "references",
				Layers: []string{opt}, Env: append(append([]string{"GRAFT_LOG=debug"}, rt.Env...), env...),
				InitType: kind, Tmp: t.TempDir(),
				Stdout: &log, Stderr: &log, ExtensionOutput: func(string) io.Writer { return &log },
			}
			for _, m := range rt.Mounts {
				f.Mounts = append(f.Mounts, local.Mount(m))
			}
			require.NoError(t, os.Chmod(f.Tmp, 0o777))
			e, err := local.Start(t.Context(), f)
			require.NoError(t, err, &log)
			defer e.Stop(context.WithoutCancel(t.Context()))
			r, err := e.Invoke(t.Context(), []byte(`{}`))
			require.NoError(t, err)
			require.Empty(t, r.FunctionError, "%s%s", r.Body, &log)
			assert.JSONEq(t, `{"database":"reader@s3cret-host","password":15,"level":"info","url":"`+readersURL+`"}`, string(r.Body))
			require.NoError(t, e.Stop(t.Context()))
			assert.NotContains(t, log.String(), "s3cret")
			assert.Contains(t, log.String(), "asked for: DB_PASSWORD: ref+awssecrets://example/database#/password")
			if kind == local.SnapStart {
				assert.Contains(t, log.String(), "graft: SnapStart: ")
			}
			entries, err := os.ReadDir(f.Tmp)
			require.NoError(t, err)
			assert.Empty(t, entries)
		})
	}
}
