package secretsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
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

func some(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}

// reason says what kind of error it is, in no words of the service's but its
// error code: others may hold a value, as those of a decoder do that quotes its
// input.
func reason(err error) string {
	var api smithy.APIError
	var network net.Error
	var operation *net.OpError
	switch {
	case errors.As(err, &api):
		return printable(api.ErrorCode())
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timed out"
	case errors.Is(err, context.Canceled):
		return "given up"
	case errors.As(err, &operation):
		return fmt.Sprintf("%s failed", operation.Op) // dial, read, write
	}
	return "no answer: region, credentials or the service's answer are not as they should be"
}

// printable is an error code as services have them, or says that it is none.
func printable(code string) string {
	if code == "" || len(code) > 100 {
		return "an error without a code"
	}
	for _, r := range code {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-' {
			return "an error without a code"
		}
	}
	return code
}
