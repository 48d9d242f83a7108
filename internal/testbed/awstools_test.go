package testbed

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/keep"
)

// TestAWSTools asks each program for its version.
func TestAWSTools(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	for program, want := range map[string]string{
		"sam": "SAM CLI, version ", "cfn-lint": "cfn-lint ", "aws": "aws-cli/", "moto_server": "usage: ",
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			path, err := b.AWSTool(t.Context(), program)
			NeedErr(t, err)
			flag := "--version"
			if program == "moto_server" {
				flag = "--help"
			}
			out, err := keep.Run(t.Context(), keep.Command{Env: []string{"SAM_CLI_TELEMETRY=0"}, Argv: []string{path, flag}})
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(out, want), out)
		})
	}
	_, err = b.AWSTool(t.Context(), "none")
	assert.EqualError(t, err, `AWS tool "none": not known`)
}

// TestNeedMoto has the real AWS CLI ask it for something.
func TestNeedMoto(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	env := NeedMoto(t, b)
	aws, err := b.AWSTool(t.Context(), "aws")
	NeedErr(t, err)
	out, err := keep.Run(t.Context(), keep.Command{Env: env, Argv: []string{aws, "sts", "get-caller-identity", "--query", "Account", "--output", "text"}})
	require.NoError(t, err)
	assert.Equal(t, "123456789012\n", out)
}
