package secretsapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/secretsapi"
)

// TestShape holds the answers to those that users recorded of AWS's extension.
func TestShape(t *testing.T) {
	tests := []struct{ target, call, want string }{
		{parameterURL + "?name=%2Fa%2Fb", "parameter /a/b false",
			`{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/a/b","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"/a/b","Selector":null,"SourceResult":null,"Type":"String","Value":"s3cret-value1","Version":1},"ResultMetadata":{}}`},
		{parameterURL + "/?name=/a/b&version=1&withDecryption=true", "parameter /a/b:1 true",
			`{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/a/b","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"/a/b","Selector":":1","SourceResult":null,"Type":"String","Value":"s3cret-value1","Version":1},"ResultMetadata":{}}`},
		{parameterURL + "?withDecryption=false&label=Dev&name=b", "parameter b:Dev false",
			`{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameterb","DataType":"text","LastModifiedDate":"2022-11-16T08:22:40.362Z","Name":"b","Selector":":Dev","SourceResult":null,"Type":"String","Value":"s3cret-value1","Version":1},"ResultMetadata":{}}`},
		{secretURL + "?secretId=s", "secret s  ",
			`{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s-MFUBmH","CreatedDate":"2022-11-16T08:22:40.499Z","Name":"s","SecretBinary":null,"SecretString":"s3cret-value1","VersionId":"b1c367b9-7f53-4a47-82c4-be51a054b953","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`},
		{secretURL + "/?secretId=binary&versionId=v&versionStage=AWSPREVIOUS", "secret binary v AWSPREVIOUS",
			`{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s-MFUBmH","CreatedDate":"2022-11-16T08:22:40.499Z","Name":"binary","SecretBinary":"YQBi","SecretString":null,"VersionId":"b1c367b9-7f53-4a47-82c4-be51a054b953","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`},
	}
	for _, test := range tests {
		tr := newTrial(t)
		status, body := tr.get(test.target)
		assert.Equal(t, http.StatusOK, status, test.target)
		assert.Equal(t, test.want, body)
		assert.Equal(t, []string{test.call}, tr.calls)
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		method, target, token string
		status                int
		text                  string
	}{
		{"GET", secretURL + "?secretId=s", "", 401, "X-Aws-Parameters-Secrets-Token is missing or wrong"},
		{"GET", secretURL + "?secretId=s", token + "x", 401, "X-Aws-Parameters-Secrets-Token is missing or wrong"},
		{"GET", "/", token, 404, "there is nothing at this path"},
		{"GET", "/secretsmanager", token, 404, "there is nothing at this path"},
		{"GET", secretURL + "//?secretId=s", token, 404, "there is nothing at this path"},
		{"POST", secretURL + "?secretId=s", token, 405, "only GET"},
		{"HEAD", secretURL + "?secretId=s", token, 405, "only GET"},
		{"GET", secretURL, token, 400, "secretId is missing"},
		{"GET", secretURL + "?secretId=", token, 400, "secretId is missing"},
		{"GET", secretURL + "?secretId=%zz", token, 400, "the query string is malformed"},
		{"GET", parameterURL + "?secretId=s", token, 400, "name is missing"},
		{"GET", parameterURL + "?name=a&version=1&label=b", token, 400, "version and label exclude each other"},
		{"GET", parameterURL + "?name=a&version=x", token, 400, "version is no number"},
		{"GET", parameterURL + "?name=a&label=x:y", token, 400, "label is none"},
		{"GET", parameterURL + "?name=a&withDecryption=perhaps", token, 400, "withDecryption is neither true nor false"},
	}
	for _, test := range tests {
		tr := newTrial(t)
		r := httptest.NewRequest(test.method, test.target, nil)
		if test.token != "" {
			r.Header.Set("x-aws-parameters-secrets-token", test.token)
		}
		status, body := tr.send(r)
		assert.Equal(t, test.status, status, test.target)
		assert.Equal(t, test.text, body, test.target)
		assert.Empty(t, tr.calls)
		assert.Equal(t, "a request was refused: "+test.text+"\n", tr.logged())
	}
}

// TestToken: under SnapStart the container credentials' token stands in for the
// session's, and with no token at all nobody is let in.
func TestToken(t *testing.T) {
	ask := func(tr *trial, token string) int {
		r := httptest.NewRequest(http.MethodGet, secretURL+"?secretId=s", nil)
		r.Header.Set(secretsapi.TokenHeader, token)
		status, _ := tr.send(r)
		return status
	}
	snapStart := newTrial(t, "AWS_SESSION_TOKEN=", "AWS_CONTAINER_AUTHORIZATION_TOKEN=container")
	assert.Equal(t, 200, ask(snapStart, "container"))
	assert.Equal(t, 401, ask(snapStart, ""))
	none := newTrial(t, "AWS_SESSION_TOKEN=")
	assert.Equal(t, 401, ask(none, ""))
	assert.Equal(t, 401, ask(none, "x"))
}

// TestSilence: at no level is a value in what is logged, nor is a panic's.
func TestSilence(t *testing.T) {
	for level, lines := range map[string]int{"debug": 7, "info": 3, "warn": 3, "error": 2, "none": 0} {
		tr := newTrial(t, "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL="+level)
		tr.get(parameterURL + "?name=a")
		tr.get(parameterURL + "?name=a")
		tr.hold = func(context.Context) error { panic(value) }
		status, body := tr.get(secretURL + "?secretId=s")
		assert.Equal(t, 400, status)
		assert.Equal(t, "an unexpected error occurred while executing request", body)
		tr.hold = func(context.Context) error { return &smithy.GenericAPIError{Code: "X", Message: value} }
		tr.get(secretURL + "?secretId=s")
		r := httptest.NewRequest(http.MethodGet, secretURL+"?secretId="+value, nil)
		r.Header.Set(secretsapi.TokenHeader, value)
		tr.send(r)
		assert.Equal(t, lines, strings.Count(tr.logged(), "\n"), tr.logged())
		assert.NotContains(t, tr.logged(), value)
		assert.NotContains(t, tr.logged(), token)
	}
}
