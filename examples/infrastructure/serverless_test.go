package infrastructure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServerless packages the service with the real program, without AWS, lints
// the template that comes out, and has graft check look at it beside the layer.
func TestServerless(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	lint := p.tool("cfn-lint")
	p.npm("serverless", "osls")
	p.dist()
	const layer = "arn:aws:lambda:eu-central-1:123456789012:layer:agents-arm64:1"
	p.run("serverless", "node_modules/.bin/osls", "package", "--param", "layer="+layer)
	const packaged = "serverless/.serverless/cloudformation-template-update-stack.json"
	p.run("", lint, "--regions", "eu-central-1", "--", packaged)
	p.check("dist/agents-arm64.zip", packaged)

	data, err := os.ReadFile(filepath.Join(p.dir, packaged))
	require.NoError(t, err)
	var template struct {
		Resources struct {
			FunctionLambdaFunction struct {
				Properties struct {
					Handler, Runtime string
					Architectures    []string
					Layers           []string
					Environment      struct{ Variables map[string]string }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(data, &template))
	function := template.Resources.FunctionLambdaFunction.Properties
	assert.Equal(t, "app.handler", function.Handler)
	assert.Equal(t, "python3.13", function.Runtime)
	assert.Equal(t, []string{"arm64"}, function.Architectures)
	assert.Equal(t, []string{layer}, function.Layers)
	assert.Equal(t, map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/graft"}, function.Environment.Variables)
}
