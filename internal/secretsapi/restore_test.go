//go:build linux

package secretsapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
	"github.com/graft-lambda/graft/internal/testbed"
)

// layer returns a folder as it stands at /opt: the ready-made one with the
// programs in it, and the port in place of the usual one.
func layer(t *testing.T, port string) string {
	t.Helper()
	opt := t.TempDir()
	require.NoError(t, os.Chmod(opt, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(opt, "extensions"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(opt, "graft.d"), 0o755))
	require.NoError(t, os.Link(programFor(t, "wrapper/companion"), filepath.Join(opt, "extensions/graft-companion")))
	require.NoError(t, os.Link(programFor(t, "wrapper/secrets"), filepath.Join(opt, "graft-secrets")))
	name := "graft.d/20-parameters-and-secrets.env"
	text, err := os.ReadFile(filepath.Join("../../layers/parameters-and-secrets", name))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(opt, name), []byte(strings.ReplaceAll(string(text), "2773", port)), 0o644))
	return opt
}

// TestRestore: a function that was restored from a snapshot reads the secret as
// it is then, long before the TTL is over, with the credentials it has then;
// one that was only frozen reads what was kept.
func TestRestore(t *testing.T) {
	for _, initType := range []local.InitType{local.SnapStart, local.OnDemand} {
		t.Run(string(initType), func(t *testing.T) {
			s := newServices(t)
			port := testbed.FreePort(t)
			self, err := os.Executable()
			require.NoError(t, err)
			var log testbed.Journal
			f := local.Function{
				Command:  []string{"/var/lang/bin/" + runtimeName},
				Mounts:   []local.Mount{{Source: self, Target: "/var/lang/bin/" + runtimeName}},
				Layers:   []string{layer(t, port)},
				Env:      append(s.env(), "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT="+port, "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL=debug"),
				InitType: initType, Freeze: true,
				TmpSize: 1 << 20, Timeout: limit, InitTimeout: limit, RestoreTimeout: limit,
				Stdout: &log, Stderr: &log, ExtensionOutput: func(string) io.Writer { return &log },
			}
			env, err := local.Start(t.Context(), f)
			var notAllowed *local.NotAllowedError
			if errors.As(err, &notAllowed) {
				err = fmt.Errorf("%w: %v", testbed.ErrUnavailable, err)
			}
			testbed.NeedErr(t, err)
			defer env.Stop(context.WithoutCancel(t.Context()))
			read := func() (first, now string) {
				r, err := env.Invoke(t.Context(), []byte(`{}`))
				require.NoError(t, err)
				require.Empty(t, r.FunctionError, "%s%s", r.Body, &log)
				var answers [2]struct{ SecretString string }
				require.NoError(t, json.Unmarshal(r.Body, &answers))
				return answers[0].SecretString, answers[1].SecretString
			}
			if initType == local.OnDemand {
				read() // before its first invocation it is not frozen
			}
			rotated := value + "-rotated"
			_, err = s.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: &rotated})
			require.NoError(t, err)
			err = env.Advance(t.Context(), 10*time.Second)
			if errors.Is(err, errors.ErrUnsupported) {
				err = fmt.Errorf("%w: %v", testbed.ErrUnavailable, err)
			}
			testbed.NeedErr(t, err)
			first, now := read()
			assert.Equal(t, value, first)
			if initType == local.SnapStart {
				assert.Equal(t, rotated, now, "%s", &log)
				assert.Equal(t, 1, strings.Count(log.String(), "the environment stood still"))
			} else {
				assert.Equal(t, value, now)
			}
			require.NoError(t, env.Stop(t.Context()))
			assert.NotContains(t, log.String(), value)
		})
	}
}
