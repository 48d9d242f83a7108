package fragment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
)

func TestParseSettings(t *testing.T) {
	parse := func(env ...string) (fragment.Settings, []error) {
		return fragment.ParseSettings(func(name string) (string, bool) {
			for _, e := range env {
				if value, ok := strings.CutPrefix(e, name+"="); ok {
					return value, true
				}
			}
			return "", false
		})
	}
	s, errs := parse()
	assert.Equal(t, fragment.Settings{Log: fragment.Warn, SecretsTimeout: 3 * time.Second}, s, "the defaults")
	assert.Empty(t, errs)

	s, errs = parse("GRAFT_DISABLE=a,b", "GRAFT_STRICT=1", "GRAFT_LOG=debug", "GRAFT_NEXT=/opt/x", "GRAFT_JAVA=env", "GRAFT_RUNTIME=nodejs22",
		"GRAFT_SECRETS=optional", "GRAFT_SECRETS_TIMEOUT=500ms", "GRAFT_SSM_PATH=app/prod/")
	assert.Empty(t, errs)
	assert.Equal(t, fragment.Settings{
		Strict: true, Log: fragment.Debug, Next: "/opt/x", Java: "env", Disabled: []string{"a", "b"},
		OptionalSecrets: true, SecretsTimeout: 500 * time.Millisecond, SSMPath: "/app/prod/",
		Runtime: fragment.NodeJS, Version: fragment.Version{Major: 22, Minor: fragment.Newest, Patch: fragment.Newest},
	}, s)

	s, errs = parse("GRAFT_STRICT=", "GRAFT_LOG=", "GRAFT_NEXT=", "GRAFT_JAVA=", "GRAFT_RUNTIME=", "GRAFT_SECRETS=", "GRAFT_SECRETS_TIMEOUT=", "GRAFT_SSM_PATH=")
	assert.Equal(t, fragment.Settings{Log: fragment.Warn, SecretsTimeout: 3 * time.Second}, s, "an empty value is as good as none")
	assert.Empty(t, errs)

	s, errs = parse("GRAFT_STRICT=yes", "GRAFT_LOG=loud", "GRAFT_NEXT=x", "GRAFT_JAVA=both", "GRAFT_RUNTIME=cobol", "GRAFT_SECRETS=no", "GRAFT_SECRETS_TIMEOUT=3")
	assert.Equal(t, fragment.Settings{Log: fragment.Warn, SecretsTimeout: 3 * time.Second}, s, "a bad value keeps its default")
	assert.Len(t, errs, 7)

	for value, want := range map[string]fragment.Level{"off": fragment.Off, "warn": fragment.Warn, "info": fragment.Info, "debug": fragment.Debug} {
		s, _ := parse("GRAFT_LOG=" + value)
		assert.Equal(t, want, s.Log)
	}
}

// TestParseEnvFile: the owner's files are plain godotenv, whole.
func TestParseEnvFile(t *testing.T) {
	vars, err := fragment.ParseEnvFile([]byte("export B=1\nA: two\nC=\"x\\ny$B\"\nM='a\nb'\n"))
	require.NoError(t, err)
	assert.Equal(t, []fragment.Var{{Name: "A", Value: "two"}, {Name: "B", Value: "1"}, {Name: "C", Value: "x\ny1"}, {Name: "M", Value: "a\nb"}}, vars)
	for _, bad := range []string{"s3cret", "A B=s3cret", "A='s3cret", "A=\"s3\"cret", "s3-cret=1"} {
		_, err := fragment.ParseEnvFile([]byte(bad))
		if assert.Error(t, err, bad) {
			assert.NotContains(t, err.Error(), "s3", bad)
		}
	}
	_, err = fragment.ParseEnvFile([]byte("A=1\n" + strings.Repeat("#", fragment.MaxSize)))
	assert.EqualError(t, err, "larger than 1 MiB")
}
