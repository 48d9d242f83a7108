package secretsapi

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/store"
)

// A Service is what is asked: the two calls of AWS's SDK.
type Service interface {
	GetParameter(context.Context, *ssm.GetParameterInput) (*ssm.GetParameterOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error)
}

// ask returns the service's answer to q, as it is sent to the function.
func ask(ctx context.Context, s Service, q query) ([]byte, error) {
	var out any
	var err error
	if q.kind == parameter {
		out, err = s.GetParameter(ctx, &ssm.GetParameterInput{Name: &q.name, WithDecryption: &q.decrypt})
	} else {
		out, err = s.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &q.name, VersionId: some(q.version), VersionStage: some(q.stage)})
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// some is nil for an empty text, which the SDK would send.
func some(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}

// reason says what kind of error it is and what to do about it, in no words of
// the service's but its error code: others may hold a value, as those of a
// decoder do that quotes its input.
func reason(err error, q query, region string) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, context.Canceled):
		return "given up"
	}
	about := store.Subject{Region: region, Action: "ssm:GetParameter", Versioned: strings.Contains(q.name, ":") && !reference.IsARN(q.name)}
	if q.kind == secret {
		about.Action = "secretsmanager:GetSecretValue"
		about.Versioned = q.version+q.stage != ""
	}
	return store.Cause(err, about)
}
