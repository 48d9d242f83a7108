package template_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/template"
)

const whole = `AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage:
    Type: String
    Default: prod
  Secret:
    Type: String
  Level:
    Type: AWS::SSM::Parameter::Value<String>
    Default: /app/level
Globals:
  Function:
    Runtime: nodejs22.x
    Timeout: 30
    Layers: [!Ref First]
    Environment:
      Variables:
        STAGE: !Ref Stage
        SHARED: global
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      MemorySize: 512
      Architectures: [arm64]
      Tracing: Active
      SnapStart: {ApplyOn: None}
      LoggingConfig:
        LogFormat: JSON
      Layers:
        - !Ref Second
        - arn:aws:lambda:eu-west-1:123456789012:layer:other:7
        - !If [HasThird, !Ref Third, !Ref AWS::NoValue]
        - !Ref AWS::NoValue
      Environment:
        Variables:
          AWS_LAMBDA_EXEC_WRAPPER: /opt/graft
          SHARED: own
          TABLE: !GetAtt Table.Arn
          URL: !Sub https://${Stage}.example/${!x}
          OTHER: !Sub https://${AWS::Region}.example
          SECRET: !Ref Secret
          LEVEL: !Ref Level
          DEBUG: yes
          PORT: 8080
          MODE: 0777
          GONE: !Ref AWS::NoValue
          JOINED: !Join ['-', [a, !Ref Stage]]
  First:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile, BuildArchitecture: arm64}
    Properties:
      ContentUri: layers/first
      CompatibleRuntimes: [nodejs22.x, nodejs24.x]
      CompatibleArchitectures: [arm64]
  Second:
    Type: AWS::Lambda::LayerVersion
    Properties:
      Content: {S3Bucket: b, S3Key: k}
  Table: {Type: AWS::DynamoDB::Table}
`

func parse(t *testing.T, text string) template.Template {
	t.Helper()
	got, err := template.Parse([]byte(text))
	require.NoError(t, err)
	return got
}

func TestParse(t *testing.T) {
	got := parse(t, whole)
	require.Len(t, got.Functions, 1)
	f, ok := got.Function("Function")
	require.True(t, ok)
	assert.Equal(t, template.Value{Text: "nodejs22.x", Line: 14}, f.Runtime)
	assert.Equal(t, "app.handler", f.Handler.Text)
	assert.Equal(t, "src/", f.Code.Text)
	assert.Equal(t, "30", f.Timeout.Text)
	assert.Equal(t, "512", f.Memory.Text)
	assert.Equal(t, "Active", f.Tracing.Text)
	assert.Equal(t, "None", f.SnapStart.Text)
	assert.Equal(t, "JSON", f.LogFormat.Text)
	assert.False(t, f.PackageType.Set())
	assert.Equal(t, []template.Value{{Text: "arm64", Line: 28}}, f.Architectures.Items)
	assert.Equal(t, []template.Value{
		{Ref: "First", Unknown: "!Ref First", Line: 16},
		{Ref: "Second", Unknown: "!Ref Second", Line: 34},
		{Text: "arn:aws:lambda:eu-west-1:123456789012:layer:other:7", Line: 35},
		{Unknown: "!If HasThird", Line: 36},
	}, f.Layers.Items, "those of Globals first, what is not there left out")
	assert.Equal(t, template.Environment{Variables: []template.Variable{
		{"STAGE", template.Value{Text: "prod", From: "the default of the parameter Stage", Line: 19}},
		{"SHARED", template.Value{Text: "own", Line: 41}},
		{"AWS_LAMBDA_EXEC_WRAPPER", template.Value{Text: "/opt/graft", Line: 40}},
		{"TABLE", template.Value{Unknown: "!GetAtt Table.Arn", Line: 42}},
		{"URL", template.Value{Text: "https://prod.example/${x}", From: "the default of the parameter Stage", Line: 43}},
		{"OTHER", template.Value{Unknown: "!Sub", Outline: "https://<AWS.Region>.example", Line: 44}},
		{"SECRET", template.Value{Unknown: "!Ref Secret: a parameter without a default", Line: 45}},
		{"LEVEL", template.Value{Unknown: "!Ref Level: a parameter that the Parameter Store holds", Line: 46}},
		{"DEBUG", template.Value{Text: "true", Line: 47}},
		{"PORT", template.Value{Text: "8080", Line: 48}},
		{"MODE", template.Value{Unknown: "a number or date without quotes that tools read differently", Line: 49}},
		{"JOINED", template.Value{Text: "a-prod", From: "the default of the parameter Stage", Line: 51}},
	}}, f.Environment)

	first, ok := got.Layer("First")
	require.True(t, ok)
	assert.Equal(t, "layers/first", first.Content.Text)
	assert.Equal(t, "makefile", first.BuildMethod.Text)
	assert.Equal(t, "arm64", first.BuildArchitecture.Text)
	assert.Len(t, first.Runtimes.Items, 2)
	second, _ := got.Layer("Second")
	assert.Equal(t, template.Value{Unknown: "in S3", Line: 62}, second.Content)
	_, ok = got.Layer("Table")
	assert.False(t, ok)
}

// TestParseForms reads the same function as SAM and CloudFormation, YAML and JSON
// write it.
func TestParseForms(t *testing.T) {
	for name, text := range map[string]string{
		"flow": `{Parameters: {P: {Type: String, Default: é}}, Resources: {F: {Type: AWS::Lambda::Function, Properties: {Environment: {Variables: {A: !Ref P}}}}}}`,
		"json": `{"Parameters": {"P": {"Type": "String", "Default": "\u00e9"}}, "Resources": {"F": {"Type": "AWS::Lambda::Function",
			"Properties": {"Environment": {"Variables": {"A": {"Ref": "P"}}}}}}}`,
		"long":   "Parameters: {P: {Type: String, Default: é}}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Environment: {Variables: {A: {'Fn::Sub': '${P}'}}}\n",
		"anchor": "Parameters: {P: {Type: String, Default: é}}\nX: &x {A: !Ref P}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Environment: {Variables: *x}\n",
		"merge":  "X: &x {A: no, B: c}\nY: &y {B: !Ref AWS::NoValue}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Environment: {Variables: {A: é, <<: [*y, *x]}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := parse(t, text).Function("F")
			require.True(t, ok)
			require.Len(t, f.Environment.Variables, 1)
			assert.Equal(t, "A", f.Environment.Variables[0].Name)
			assert.Equal(t, "é", f.Environment.Variables[0].Value.Text)
		})
	}
	smile := parse(t, `{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "\ud83d\ude00"}}}}`)
	assert.Equal(t, "😀", smile.Functions[0].Handler.Text, "a surrogate pair, as Python writes it")
}

func TestParseProperties(t *testing.T) {
	function := func(t *testing.T, typ, properties string) template.Function {
		got := parse(t, "Resources:\n  F:\n    Type: "+typ+"\n    Properties: {"+properties+"}\n")
		require.Len(t, got.Functions, 1)
		return got.Functions[0]
	}
	const sam, cfn = "AWS::Serverless::Function", "AWS::Lambda::Function"

	f := function(t, cfn, `PackageType: Image, Code: {ImageUri: a/b:1}, ImageConfig: {EntryPoint: [/opt/graft, node], Command: [app.handler], WorkingDirectory: /app}, TracingConfig: {Mode: Active}`)
	assert.Equal(t, "Image", f.PackageType.Text)
	assert.Equal(t, "a/b:1", f.Image.URI.Text)
	assert.Equal(t, "/opt/graft", f.Image.EntryPoint.Items[0].Text)
	assert.Equal(t, "app.handler", f.Image.Command.Items[0].Text)
	assert.Equal(t, "/app", f.Image.Directory.Text)
	assert.Equal(t, "Active", f.Tracing.Text)
	assert.Equal(t, "an image", f.Code.Unknown)

	for _, tt := range []struct{ name, typ, properties, want, unknown string }{
		{"a folder", sam, `CodeUri: src`, "src", ""},
		{"a bucket", sam, `CodeUri: s3://b/k`, "", "in S3"},
		{"a bucket as a map", sam, `CodeUri: {Bucket: b, Key: k}`, "", "in S3"},
		{"inline", sam, `InlineCode: x`, "", "inline code"},
		{"inline for CloudFormation", cfn, `Code: {ZipFile: x}`, "", "inline code"},
		{"packaged", cfn, `Code: ./dist.zip`, "./dist.zip", ""},
		{"not there", sam, ``, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := function(t, tt.typ, tt.properties)
			assert.Equal(t, tt.want, f.Code.Text)
			assert.Equal(t, tt.unknown, f.Code.Unknown)
		})
	}
	cdk := parse(t, `{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Bucket": "b"}},
		"Metadata": {"aws:asset:path": "asset.1", "aws:asset:property": "Code"}}}}`)
	assert.Equal(t, "asset.1", cdk.Functions[0].Code.Text)
	assert.Equal(t, 2, cdk.Functions[0].Code.Line)

	f = function(t, sam, `Layers: !If [A, [x], [y]], Environment: !FindInMap [M, a, b], SnapStart: !Ref X, Architectures: !Split [",", x]`)
	assert.Equal(t, "!If A", f.Layers.Unknown)
	assert.Equal(t, "!FindInMap M", f.Environment.Unknown)
	assert.Equal(t, "!Ref X", f.SnapStart.Unknown)
	assert.Equal(t, "!Split", f.Architectures.Unknown)
}

func TestParseListParameter(t *testing.T) {
	got := parse(t, "Parameters: {L: {Type: CommaDelimitedList, Default: 'a, b'}}\nResources: {F: {Type: AWS::Lambda::Function, Properties: {Layers: !Ref L}}}")
	items := got.Functions[0].Layers.Items
	require.Len(t, items, 2)
	assert.Equal(t, "b", items[1].Text)
	assert.Equal(t, "the default of the parameter L", items[1].From)
}

func TestParseUnread(t *testing.T) {
	got := parse(t, "Resources:\n  'Fn::ForEach::Functions': [N, [a, b], {'${N}': {Type: X}}]\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Fn::Transform: {Name: M}\n")
	assert.Equal(t, []template.Value{
		{Unknown: "Fn::ForEach::Functions", Line: 2}, {Unknown: "F: Properties", Line: 6},
	}, got.Unread)
}

func TestParseErrors(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := '1'; i <= '9'; i++ {
		bomb.WriteString("a" + string(i) + ": &a" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*a"+string(i-1)+", ", 10), ", ") + "]\n")
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"no map", "- a", "line 1: not a template: no map of names"},
		{"no resources", "a: b", "line 1: not a template: no Resources"},
		{"resources of another kind", "Resources: [a]", "line 1: not a template: no Resources"},
		{"duplicate", "Resources:\n  F: {}\n  G: {}\n  F: {}\n", `line 4: "F" stands in line 2 already`},
		{"duplicate in JSON", "{\"Resources\": {\n\"F\": {},\n\"F\": {}}}", `line 3: "F" stands in line 2 already`},
		{"deep", "Resources:\n  F: " + deep, "line 2: more than 100 levels deep"},
		{"deep JSON", `{"Resources":` + deep + "}", "line 1: more than 100 levels deep"},
		{"alias bomb", bomb.String(), "more than 200000 parts, with aliases written out"},
		{"alias of itself", "Resources: &a [*a]", "more than 100 levels deep"},
		{"unknown alias", "Resources: *a", "unknown anchor 'a' referenced"},
		{"large", strings.Repeat("#", template.MaxSize+1), "more than 1048576 bytes"},
		{"two documents", "Resources: {}\n---\nResources: {}\n", "more than one YAML document"},
		{"a name of another kind", "Resources: {[a]: b}", "line 1: a name that is no text"},
		{"merge of another kind", "Resources: {<<: b}", "line 1: <<: not a map"},
		{"no YAML", "Resources:\n\t- a", "line 2: found character that cannot start any token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := template.Parse([]byte(tt.text))
			require.ErrorContains(t, err, tt.want)
			assert.IsType(t, new(template.Error), err)
		})
	}
}

// TestParseGrowth: texts that are made of each other end as unknown, soon.
func TestParseGrowth(t *testing.T) {
	value := `"a"`
	for range 20 {
		value = `{"Fn::Sub": ["${a}${a}${a}", {"a": ` + value + `}]}`
	}
	got, err := template.Parse([]byte(`{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": ` + value + `}}}}`))
	require.NoError(t, err)
	require.Len(t, got.Functions, 1)
	assert.False(t, got.Functions[0].Handler.Known())
}

// FuzzParse holds Parse to its bounds: it ends, with a template or an error.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ZipFile": "x"}}}}}`))
	f.Add([]byte("Resources: &a {F: {<<: *a, Type: !If [a, b]}}"))
	f.Add([]byte("--- !Ref\n? !Sub [a, b]\n"))
	example, err := os.ReadFile("../../examples/nodejs/template.yaml")
	require.NoError(f, err)
	f.Add(example)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := template.Parse(data)
		if err != nil {
			assert.IsType(t, new(template.Error), err)
			return
		}
		for _, fn := range got.Functions {
			found, ok := got.Function(fn.ID)
			assert.True(t, ok)
			assert.Equal(t, fn.Line, found.Line)
			for _, v := range fn.Environment.Variables {
				assert.True(t, v.Value.Set())
				assert.False(t, v.Value.Unknown != "" && v.Value.Text != "", "%q is known and unknown", v.Name)
			}
		}
	})
}
