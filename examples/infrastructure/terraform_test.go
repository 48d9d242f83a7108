package infrastructure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// TestTerraform applies the configuration to moto: once more there is nothing
// to do, and what is destroyed leaves the version of the layer.
func TestTerraform(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	terraform, options, err := p.bed.Terraform()
	testbed.NeedErr(t, err)
	aws := p.tool("aws")
	p.moto()
	p.dist()
	// Nothing of this machine's settings but where providers come from.
	p.env = append(p.env, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "TF_VAR_organization=o-a1b2c3d4e5")
	if file := os.Getenv("TF_CLI_CONFIG_FILE"); file != "" {
		if _, err := os.Stat(file); err != nil {
			p.env = append(p.env, "TF_CLI_CONFIG_FILE="+filepath.Join(p.dir, "none.tfrc"))
			require.NoError(t, os.WriteFile(filepath.Join(p.dir, "none.tfrc"), nil, 0o600))
		}
	}
	run := func(args ...string) string {
		return p.run("terraform", slices.Concat([]string{terraform}, args)...)
	}
	run(append([]string{"init", "-no-color"}, options...)...)
	run("fmt", "-check", "-diff")
	run("apply", "-no-color", "-auto-approve")
	layer := run("output", "-raw", "layer")
	assert.Equal(t, "arn:aws:lambda:us-east-1:123456789012:layer:agents-arm64:1", layer)
	p.functionHas(layer, "function")
	policy := p.run("", aws, "lambda", "get-layer-version-policy", "--layer-name", "agents-arm64", "--version-number", "1", "--query", "Policy", "--output", "text")
	assert.Contains(t, policy, "o-a1b2c3d4e5")
	assert.Equal(t, layer, p.run("", aws, "ssm", "get-parameter", "--name", "/graft/layer/agents/arm64", "--query", "Parameter.Value", "--output", "text"))
	run("plan", "-no-color", "-detailed-exitcode") // status 2: something to change
	run("destroy", "-no-color", "-auto-approve")
	assert.Equal(t, "1", p.run("", aws, "lambda", "list-layer-versions", "--layer-name", "agents-arm64", "--query", "length(LayerVersions)", "--output", "text"))
}

// functionHas asks for a function that is deployed with one layer.
func (p *project) functionHas(layer, function string) {
	p.t.Helper()
	var got struct {
		Layers      []struct{ Arn string }
		Environment struct{ Variables map[string]string }
	}
	require.NoError(p.t, json.Unmarshal([]byte(p.run("", p.tool("aws"), "lambda", "get-function-configuration",
		"--function-name", function, "--output", "json")), &got))
	require.Len(p.t, got.Layers, 1)
	assert.Equal(p.t, layer, got.Layers[0].Arn)
	assert.Equal(p.t, map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/graft"}, got.Environment.Variables)
}
