package infrastructure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCDK checks the types of the app, synthesizes it with the real library,
// and lints what comes out.
func TestCDK(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	lint := p.tool("cfn-lint")
	p.npm("cdk", "aws-cdk")
	p.env = append(p.env, "CDK_DISABLE_CLI_TELEMETRY=true")
	p.dist()
	p.run("cdk", "node_modules/.bin/tsc", "--project", ".")
	p.run("cdk", "node_modules/.bin/cdk", "synth", "--quiet", "--no-notices", "--no-version-reporting", "--context", "organization=o-a1b2c3d4e5")
	// W3005: the CDK writes out what another property says already.
	p.run("cdk", lint, "--regions", "eu-central-1", "--ignore-checks", "W3005", "--", "cdk.out/Agents.template.json")

	data, err := os.ReadFile(filepath.Join(p.dir, "cdk/cdk.out/Agents.template.json"))
	require.NoError(t, err)
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(data, &template))
	layer, seen := "", map[string]map[string]any{}
	for id, r := range template.Resources {
		seen[r.Type] = r.Properties
		if r.Type == "AWS::Lambda::LayerVersion" {
			layer = id
		}
	}
	require.NotEmpty(t, layer)
	assert.Equal(t, []any{map[string]any{"Ref": layer}}, seen["AWS::Lambda::Function"]["Layers"])
	assert.Equal(t, map[string]any{"Variables": map[string]any{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/graft"}}, seen["AWS::Lambda::Function"]["Environment"])
	assert.Equal(t, "o-a1b2c3d4e5", seen["AWS::Lambda::LayerVersionPermission"]["OrganizationId"])
	assert.Equal(t, "/graft/layer/agents/arm64", seen["AWS::SSM::Parameter"]["Name"])
}
