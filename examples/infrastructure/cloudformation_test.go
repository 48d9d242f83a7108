package infrastructure

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestCloudFormation lints the template, then packages and deploys it with the
// AWS CLI to moto.
func TestCloudFormation(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	aws := p.tool("aws")
	// W3002: that it is to be packaged first, as it is below.
	p.run("cloudformation", p.tool("cfn-lint"), "--regions", "eu-central-1", "--ignore-checks", "W3002", "--", "template.yaml")
	p.moto()
	p.dist()
	p.check("cloudformation/template.yaml")
	p.run("", aws, "s3", "mb", "s3://artifacts")
	p.run("cloudformation", aws, "cloudformation", "package", "--template-file", "template.yaml", "--s3-bucket", "artifacts",
		"--output-template-file", "packaged.yaml")
	p.run("cloudformation", aws, "cloudformation", "deploy", "--template-file", "packaged.yaml", "--stack-name", "agents",
		"--capabilities", "CAPABILITY_IAM")
	// moto makes both, but neither gives the layer its name nor puts it on the
	// function: that they belong together is for cfn-lint and graft check to see.
	assert.Regexp(t, `^arn:aws:lambda:us-east-1:123456789012:layer:\S+:1$`, p.run("", aws, "lambda", "list-layers",
		"--query", "Layers[].LatestMatchingVersion.LayerVersionArn", "--output", "text"))
	assert.Equal(t, "python3.13\t/opt/graft", p.run("", aws, "lambda", "list-functions",
		"--query", "Functions[].[Runtime, Environment.Variables.AWS_LAMBDA_EXEC_WRAPPER]", "--output", "text"))
}
