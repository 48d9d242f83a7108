package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/layers/check"
)

// checkFolder is a layer with an error and a warning.
func checkFolder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("my-layer/graft.d", 0o755))
	require.NoError(t, os.WriteFile("my-layer/graft.d/50-otel.env", []byte("GRAFT_RUNTIMES=java\nJAVA_TOOL_OPTIONS=-javaagent:/opt/otel/agent.jar\nAWS_REGION=x\n"), 0o644))
}

const checked = `error    my-layer/graft.d/50-otel.env:2  missing-agent-file
         /opt/otel/agent.jar: no such file
         fix: add the file, or correct the path in the fragment
warning  my-layer/graft.d/50-otel.env:3  reserved-variable
         AWS_REGION
         fix: take the line out of the fragment
1 file, 1 error, 1 warning
`

// TestCheck: what is printed, and which findings make the exit status.
func TestCheck(t *testing.T) {
	checkFolder(t)
	for _, test := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"my-layer"}, checked, exitFailed},
		{[]string{"./my-layer/"}, checked, exitFailed},
		{[]string{"--ignore", "missing-agent-file", "my-layer"}, strings.Join(strings.SplitAfter(checked, "\n")[3:6], "") + "1 file, 0 errors, 1 warning\n", 0},
		{[]string{"--strict", "--ignore", "missing-agent-file", "my-layer"}, strings.Join(strings.SplitAfter(checked, "\n")[3:6], "") + "1 file, 0 errors, 1 warning\n", exitFailed},
		{[]string{"--strict", "--ignore", "missing-agent-file,reserved-variable", "my-layer"}, "1 file, no findings\n", 0},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"check"}, test.args...), &stdout, &stderr)
		assert.Equal(t, test.code, code, "%q", test.args)
		assert.Equal(t, test.want, stdout.String(), "%q", test.args)
		assert.Empty(t, stderr.String())
	}
}

func TestCheckJSON(t *testing.T) {
	checkFolder(t)
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), []string{"check", "--json", "my-layer"}, &stdout, &stderr))
	var report check.Report
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &report))
	assert.Equal(t, check.Finding{
		Code: "missing-agent-file", Severity: check.Error, Path: "my-layer/graft.d/50-otel.env", Line: 2,
		Message: "/opt/otel/agent.jar: no such file", Fix: "add the file, or correct the path in the fragment",
	}, report.Findings[0])

	stdout.Reset()
	require.NoError(t, os.WriteFile("my-layer/graft.d/50-otel.env", nil, 0o644))
	require.Zero(t, run(t.Context(), []string{"check", "--json", "my-layer"}, &stdout, &stderr))
	assert.JSONEq(t, `{"files": 1, "findings": []}`, stdout.String())
}

// TestCheckTemplate: layers are found from the template's folder, within its
// repository, and those that are not there from the command line.
func TestCheckTemplate(t *testing.T) {
	checkFolder(t)
	require.NoError(t, os.MkdirAll("app", 0o755))
	require.NoError(t, os.Mkdir(".git", 0o755))
	text := "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {Runtime: java21, Layers: [LAYER], Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/graft}}}\n"
	local := strings.Replace(text, "LAYER", "!Ref L", 1) + "  L:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: ../my-layer}\n"
	require.NoError(t, os.WriteFile("app/local.yaml", []byte(local), 0o644))
	require.NoError(t, os.WriteFile("app/published.yaml", []byte(strings.Replace(text, "LAYER", "arn:aws:lambda:eu-west-1:1:layer:x:1", 1)), 0o644))
	for _, args := range [][]string{{"check", "app/local.yaml"}, {"check", "app/published.yaml", "my-layer"}} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, exitFailed, run(t.Context(), args, &stdout, &stderr), "%q", args)
		assert.Contains(t, stdout.String(), "my-layer/graft.d/50-otel.env:2  missing-agent-file\n         java21: /opt/otel/agent.jar: no such file\n")
		assert.Contains(t, stdout.String(), "/opt/graft: no such file in its layers\n")
	}
}

// TestCheckOutside: what a template has no say over is looked at only if it is
// named, and then once.
func TestCheckOutside(t *testing.T) {
	checkFolder(t)
	require.NoError(t, os.MkdirAll("app", 0o755))
	require.NoError(t, os.Symlink("..", "app/link"))
	const layer = "  L%d:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: %s}\n"
	text := "Resources:\n"
	for i, uri := range []string{"../my-layer", "link/my-layer", "/"} {
		text += fmt.Sprintf(layer, i, uri)
	}
	require.NoError(t, os.WriteFile("app/template.yaml", []byte(text), 0o644))

	report := checkJSON(t, "app/template.yaml")
	assert.Equal(t, 1, report.Files)
	assert.Equal(t, []string{"layer-outside", "layer-outside", "layer-outside"}, codes(report))
	report = checkJSON(t, "app/template.yaml", "my-layer")
	assert.Equal(t, 2, report.Files)
	assert.Equal(t, []string{"layer-outside", "missing-agent-file", "reserved-variable"}, codes(report))
}

func checkJSON(t *testing.T, args ...string) (report check.Report) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	run(t.Context(), append([]string{"check", "--json"}, args...), &stdout, &stderr)
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &report))
	return report
}

func codes(report check.Report) (list []string) {
	for _, f := range report.Findings {
		list = append(list, f.Code)
	}
	return list
}

// TestCheckNoLayer: what is no PATH for check is told so, with what is one.
func TestCheckNoLayer(t *testing.T) {
	checkFolder(t)
	for name, text := range map[string]string{
		"README.md": "# Read me\n", "empty": "", "short": "PK", "cut.zip": "", "zip": "PK\x05\x06" + strings.Repeat("\x00", 18),
		"app/template.yaml": "Resources: {}\n", "cdk/template.json": "{}", "shipped/template.yml": "", "shipped/nodejs/index.js": "", "plain/file": "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	const neither = "is neither a layer, which is a folder that looks like /opt or a zip, nor a template, whose name ends with .yaml, .yml, .json or .template"
	for _, test := range []struct{ path, want string }{
		{"README.md", `"README.md" ` + neither},
		{"empty", `"empty" ` + neither},
		{"short", `"short" ` + neither},
		{"app", `"app" looks like a project, not like a layer: graft check app/template.yaml`},
		{"./cdk/", `"./cdk/" looks like a project, not like a layer: graft check cdk/template.json`},
		{"shipped", ""},
		{"plain", ""},
		{"zip", ""},
		{"cut.zip", ""}, // a finding of the layer
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"check", test.path}, &stdout, &stderr)
		if test.want == "" {
			assert.Empty(t, stderr.String(), test.path)
			assert.NotEqual(t, exitUsage, code, test.path)
			continue
		}
		assert.Equal(t, exitUsage, code, test.path)
		assert.Equal(t, "graft: "+test.want+"\n", stderr.String())
		assert.Empty(t, stdout.String())
	}
}

func TestCheckUsage(t *testing.T) {
	checkFolder(t)
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "check: no path given: graft check [FLAG…] PATH…"},
		{[]string{"--nonsense"}, exitUsage, "--nonsense: no such flag; graft check -h lists the flags"},
		{[]string{"--arch", "X86_64", "my-layer"}, exitUsage, `--arch: "X86_64": Lambda has amd64 (x86_64) and arm64`},
		{[]string{"--arch", "riscv64", "my-layer"}, exitUsage, `--arch: "riscv64": Lambda has amd64 (x86_64) and arm64`},
		{[]string{"my-layer", "--ignore", "nonsense"}, exitUsage, `--ignore: no finding has the code "nonsense"; graft check --rules lists them`},
		{[]string{"a.yaml", "b.yaml"}, exitUsage, `"a.yaml" and "b.yaml": one template at a time`},
		{[]string{"nowhere"}, exitFailed, "nowhere: no such file"},
		{[]string{"--", "--json"}, exitFailed, "--json: no such file"},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, test.code, run(t.Context(), append([]string{"check"}, test.args...), &stdout, &stderr), "%q", test.args)
		assert.Equal(t, "graft: "+test.want+"\n", stderr.String())
		assert.Empty(t, stdout.String())
	}
}

// TestCheckRules holds the table in layers/check to the code.
func TestCheckRules(t *testing.T) {
	var out bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"check", "--rules"}, &out, &out))
	readme, err := os.ReadFile(filepath.Join("..", "check", "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), out.String(), "put what graft check --rules prints into layers/check/README.md")
}
