package secretsapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/secretsapi"
)

func TestRead(t *testing.T) {
	defaults := secretsapi.Settings{
		Port: 2773, Level: secretsapi.Info, CacheSize: 1000, MaxConnections: 3,
		ParameterTTL: 300 * time.Second, SecretTTL: 300 * time.Second,
	}
	with := func(change func(*secretsapi.Settings)) secretsapi.Settings {
		s := defaults
		change(&s)
		return s
	}
	tests := []struct {
		name     string
		env      map[string]string
		want     secretsapi.Settings
		problems []string
	}{
		{"nothing", nil, defaults, nil},
		{"all", map[string]string{
			"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED": "TRUE", "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "7",
			"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "65535", "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL": "DEBUG",
			"PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS": "1", "SSM_PARAMETER_STORE_TTL": "0", "SECRETS_MANAGER_TTL": "299",
			"SSM_PARAMETER_STORE_TIMEOUT_MILLIS": "1500", "SECRETS_MANAGER_TIMEOUT_MILLIS": "1",
			"AWS_SESSION_TOKEN": "a", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "b", "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
		}, secretsapi.Settings{
			Port: 65535, Level: secretsapi.Debug, CacheSize: 7, MaxConnections: 1, SecretTTL: 299 * time.Second,
			ParameterTimeout: 1500 * time.Millisecond, SecretTimeout: time.Millisecond, Tokens: []string{"a", "b"}, SnapStart: true,
		}, nil},
		{"no cache", map[string]string{"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED": "false"},
			with(func(s *secretsapi.Settings) { s.CacheSize = 0 }), nil},
		{"no level", map[string]string{"PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL": "none"},
			with(func(s *secretsapi.Settings) { s.Level = secretsapi.None }), nil},
		{"out of bounds", map[string]string{
			"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED": "s3cret", "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "1001",
			"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "0", "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL": "s3cret",
			"PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS": "0", "SSM_PARAMETER_STORE_TTL": "301", "SECRETS_MANAGER_TTL": "-1",
			"SSM_PARAMETER_STORE_TIMEOUT_MILLIS": "1s", "SECRETS_MANAGER_TIMEOUT_MILLIS": "900001",
		}, defaults, []string{
			"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT is no number from 1 to 65535: it is taken as 2773",
			"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE is no number from 0 to 1000: it is taken as 1000",
			"PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS is no number from 1 to 1000: it is taken as 3",
			"SSM_PARAMETER_STORE_TTL is no number from 0 to 300: it is taken as 300",
			"SECRETS_MANAGER_TTL is no number from 0 to 300: it is taken as 300",
			"SSM_PARAMETER_STORE_TIMEOUT_MILLIS is no number from 0 to 900000: it is taken as 0",
			"SECRETS_MANAGER_TIMEOUT_MILLIS is no number from 0 to 900000: it is taken as 0",
			"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED is neither true nor false: it is taken as true",
			"PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL is none of debug, info, warn, error, none: it is taken as info",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, problems := secretsapi.Read(func(name string) string { return test.env[name] })
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.problems, problems)
		})
	}
}
