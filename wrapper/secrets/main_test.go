package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/resolve"
	"github.com/graft-lambda/graft/internal/testbed"
)

var built string // graft-secrets

func TestMain(m *testing.M) {
	if os.Getenv(hardens) != "" {
		sayHardened(os.Stdout)
		return
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "graft-secrets-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		built = filepath.Join(dir, "graft-secrets")
		return m.Run()
	}())
}

var buildOnce = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-w -buildid=", "-o", built, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
})

// ask has the real program answer.
func ask(t testing.TB, env []string, limit time.Duration, questions ...string) []reference.Answer {
	t.Helper()
	out, err := buildOnce()
	require.NoError(t, err, out)
	return resolve.AskProgram(built, env, questions, limit)
}

// motoEnv starts moto and returns what makes graft-secrets use it.
func motoEnv(t testing.TB) []string {
	bed, err := testbed.Open()
	require.NoError(t, err)
	return testbed.NeedMoto(t, bed)
}

// sdkClients are the SDK's own, for a service at url.
func sdkClients(t testing.TB, url string) (*ssm.Client, *secretsmanager.Client) {
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion("us-east-1"), config.WithBaseEndpoint(url),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")), config.WithSharedConfigFiles([]string{}),
		config.WithSharedCredentialsFiles([]string{}))
	require.NoError(t, err)
	return ssm.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)
}

func put(t testing.TB, c *ssm.Client, name, value string) {
	t.Helper()
	_, err := c.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: "SecureString", Overwrite: aws.Bool(true)})
	require.NoError(t, err)
}

func create(t testing.TB, c *secretsmanager.Client, name, value string) (arn string) {
	t.Helper()
	out, err := c.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	require.NoError(t, err)
	return *out.ARN
}

// TestHelp: whoever starts the program by hand learns what it is for.
func TestHelp(t *testing.T) {
	out, err := buildOnce()
	require.NoError(t, err, out)
	for line, status := range map[string]int{
		"": exitUsage, "bogus": exitUsage, "serve x": exitUsage, "resolve": exitUsage, "version x": exitUsage,
		"help": 0, "-h": 0, "--help": 0, "serve --help": 0, "resolve -h": 0,
	} {
		t.Run(line, func(t *testing.T) {
			cmd := exec.Command(built, strings.Fields(line)...)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // its status is looked at
			require.Equal(t, status, cmd.ProcessState.ExitCode())
			said, silent := stdout.String(), stderr.String()
			if status != 0 {
				said, silent = silent, said
			}
			assert.Equal(t, usage, said)
			assert.Empty(t, silent)
		})
	}
}

func TestVersion(t *testing.T) {
	text, err := buildOnce()
	require.NoError(t, err, text)
	for _, arg := range []string{"version", "-v", "-version", "--version"} {
		out, err := exec.Command(built, arg).CombinedOutput()
		require.NoError(t, err, arg)
		assert.Equal(t, "graft-secrets devel\n", string(out), arg)
	}
}
