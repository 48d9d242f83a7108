package infrastructure

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCloudFormation lints the template, then packages and deploys it with the
// AWS CLI to moto.
func TestCloudFormation(t *testing.T) {
	p := newProject(t)
	aws := p.tool("aws")
	// W3002: that it is to be packaged first, as it is below.
	p.run("cloudformation", p.tool("cfn-lint"), "--regions", "eu-central-1", "--ignore-checks", "W3002", "--", "template.yaml")
	p.moto()
	p.dist()
	p.run("", aws, "s3", "mb", "s3://artifacts")
	p.run("cloudformation", aws, "cloudformation", "package", "--template-file", "template.yaml", "--s3-bucket", "artifacts",
		"--output-template-file", "packaged.yaml")
	p.run("cloudformation", aws, "cloudformation", "deploy", "--template-file", "packaged.yaml", "--stack-name", "agents",
		"--capabilities", "CAPABILITY_IAM")
	layer := p.run("", aws, "cloudformation", "describe-stacks", "--stack-name", "agents", "--query", "Stacks[0].Outputs[0].OutputValue", "--output", "text")
	assert.Equal(t, "arn:aws:lambda:us-east-1:123456789012:layer:agents-arm64:1", layer)
	p.functionHas(layer, p.run("", aws, "lambda", "list-functions", "--query", "Functions[0].FunctionName", "--output", "text"))
}

// functionHas asks for a function that is deployed.
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
