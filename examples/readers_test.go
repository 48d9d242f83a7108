package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

const (
	readersURL      = "https://s3cret.example.com"
	readersDatabase = `{"user":"reader","password":"s3cret-password"}`
)

// newStore fills what stands in for Parameter Store and Secrets Manager, and
// returns the variables that lead to it.
func newStore(t *testing.T, bed *testbed.Bed) []string {
	var url string
	for _, v := range testbed.NeedMoto(t, bed) {
		if text, ok := strings.CutPrefix(v, "AWS_ENDPOINT_URL="); ok {
			url = text
		}
	}
	cfg := storeConfig(url)
	_, err := ssm.NewFromConfig(cfg).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/example/url"), Value: aws.String(readersURL), Type: types.ParameterTypeSecureString,
	})
	require.NoError(t, err)
	_, err = secretsmanager.NewFromConfig(cfg).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("example/database"), SecretString: aws.String(readersDatabase),
	})
	require.NoError(t, err)
	return []string{"AWS_ENDPOINT_URL=" + url, "AWS_REGION=us-east-1", "NO_PROXY=127.0.0.1"}
}

// storeConfig leads the SDK's clients to the stand-in at url.
func storeConfig(url string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

// TestReaders runs unmodified functions that read from AWS's Parameters and
// Secrets extension, by hand and with a published client library, beside
// graft's program in its place. Nothing they read is in a log or in a file.
func TestReaders(t *testing.T) {
	k := newKit(t)
	env := newStore(t, k.bed)
	opt := filepath.Join(k.dir, "opt")
	require.NoError(t, buildLayer(t.Context(), k.bed, []string{"layers/" + readersLayer}, runtime.GOARCH, opt, t.Output()))
	port, err := movePort(opt, "2773")
	require.NoError(t, err)
	env = append(env, "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT="+port, "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL=debug")

	managed := func(name, handler string) func(t *testing.T) local.Function {
		return func(t *testing.T) local.Function {
			rt := testbed.Need(t, k.bed, name)
			f := local.Function{Handler: handler, Command: rt.Command(handler), Managed: true, Env: rt.Env, Code: filepath.Join(readersLayer, rt.Language)}
			for _, m := range rt.Mounts {
				f.Mounts = append(f.Mounts, local.Mount(m))
			}
			return f
		}
	}
	program := func(t *testing.T, name string) local.Function {
		return local.Function{Command: []string{"/var/runtime/bootstrap"}, Mounts: []local.Mount{{Source: name, Target: "/var/runtime/bootstrap"}}}
	}
	tests := []struct {
		name     string
		function func(t *testing.T) local.Function
	}{
		{"python", managed("python3.13", "app.handler")},
		{"nodejs18", managed("nodejs18", "index.handler")},
		{"nodejs24", managed("nodejs24", "index.handler")},
		{"go", func(t *testing.T) local.Function {
			require.NoError(t, buildGo(t.Context(), k.bed, filepath.Join(readersLayer, "go"), k.dir))
			return program(t, filepath.Join(k.dir, "app"))
		}},
		{"rust", func(t *testing.T) local.Function {
			built, err := rustReader(t.Context(), k.bed)
			testbed.NeedErr(t, err)
			return program(t, built)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := test.function(t)
			tmp := t.TempDir()
			var log transcript
			f.Layers, f.Env = []string{opt}, slices.Concat(f.Env, env)
			f.Timeout, f.InitTimeout = time.Minute, time.Minute
			f.Stdout, f.Stderr, f.ExtensionOutput = &log, &log, func(string) io.Writer { return &log }
			require.NoError(t, os.Chmod(tmp, 0o777))
			f.Tmp = tmp
			e, err := local.Start(t.Context(), f)
			require.NoError(t, err, &log)
			defer e.Stop(context.WithoutCancel(t.Context()))
			for range invocations {
				r, err := e.Invoke(t.Context(), []byte(`{}`))
				require.NoError(t, err)
				require.Empty(t, r.FunctionError, "%s%s", r.Body, &log)
				assert.JSONEq(t, `{"url":"`+readersURL+`","user":"reader","password":15}`, string(r.Body))
			}
			require.NoError(t, e.Stop(t.Context()))
			assert.Equal(t, 2, strings.Count(log.String(), ": asked for\n"), &log)
			assert.Equal(t, 2, strings.Count(log.String(), ": kept\n"), &log)
			assert.NotContains(t, log.String(), "s3cret")
			entries, err := os.ReadDir(tmp)
			require.NoError(t, err)
			assert.Empty(t, entries)
		})
	}
}
