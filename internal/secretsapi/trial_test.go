package secretsapi_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/secretsapi"
)

const (
	token        = "the-session-token"
	value        = "s3cret-value"
	parameterURL = "/systemsmanager/parameters/get"
	secretURL    = "/secretsmanager/get"
)

// A trial is a handler with services that answer as they are told.
type trial struct {
	*secretsapi.Handler
	t        *testing.T
	settings secretsapi.Settings
	// hold, if not nil, is called in each call to a service.
	hold func(context.Context) error
	// dial, if not nil, is called in each connect.
	dial func() error

	mu       sync.Mutex
	connects int
	calls    []string
	log      bytes.Buffer
	ahead    time.Duration
}

func newTrial(t *testing.T, env ...string) *trial {
	tr := &trial{t: t}
	vars := map[string]string{"AWS_SESSION_TOKEN": token}
	for _, v := range env {
		name, text, _ := strings.Cut(v, "=")
		vars[name] = text
	}
	var problems []string
	tr.settings, problems = secretsapi.Read(func(name string) string { return vars[name] })
	require.Empty(t, problems)
	connect := func(context.Context) (secretsapi.Service, error) {
		tr.mu.Lock()
		tr.connects++
		tr.mu.Unlock()
		if tr.dial != nil {
			return tr, tr.dial()
		}
		return tr, nil
	}
	now := func() time.Time {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return time.Now().Add(tr.ahead)
	}
	say := func(line string) {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		fmt.Fprintln(&tr.log, line)
	}
	tr.Handler = secretsapi.New(tr.settings, connect, now, say)
	return tr
}

// pass lets the wall clock jump.
func (tr *trial) pass(d time.Duration) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ahead += d
}

func (tr *trial) called(ctx context.Context, call string) (n int, err error) {
	tr.mu.Lock()
	tr.calls = append(tr.calls, call)
	n, hold := len(tr.calls), tr.hold
	tr.mu.Unlock()
	if hold != nil {
		err = hold(ctx)
	}
	return n, err
}

func (tr *trial) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.calls)
}

func (tr *trial) logged() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.log.String()
}

func (tr *trial) GetParameter(ctx context.Context, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	n, err := tr.called(ctx, fmt.Sprintf("parameter %s %t", *in.Name, *in.WithDecryption))
	if err != nil {
		return nil, err
	}
	name, selector, found := strings.Cut(*in.Name, ":")
	p := &types.Parameter{
		ARN: aws.String("arn:aws:ssm:us-east-1:123456789012:parameter" + name), DataType: aws.String("text"), Name: &name,
		LastModifiedDate: aws.Time(time.Date(2022, 11, 16, 8, 22, 40, 362e6, time.UTC)), Type: types.ParameterTypeString,
		Value: aws.String(fmt.Sprint(value, n)), Version: 1,
	}
	if found {
		p.Selector = aws.String(":" + selector)
	}
	return &ssm.GetParameterOutput{Parameter: p}, nil
}

func (tr *trial) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	n, err := tr.called(ctx, fmt.Sprintf("secret %s %s %s", *in.SecretId, aws.ToString(in.VersionId), aws.ToString(in.VersionStage)))
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.GetSecretValueOutput{
		ARN: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:s-MFUBmH"), Name: in.SecretId,
		CreatedDate: aws.Time(time.Date(2022, 11, 16, 8, 22, 40, 499e6, time.UTC)),
		VersionId:   aws.String("b1c367b9-7f53-4a47-82c4-be51a054b953"), VersionStages: []string{"AWSCURRENT"},
	}
	if strings.HasPrefix(*in.SecretId, "binary") {
		out.SecretBinary = []byte("a\x00b")
	} else {
		out.SecretString = aws.String(fmt.Sprint(value, n))
	}
	return out, nil
}

// get sends a request with the token and returns status and body.
func (tr *trial) get(target string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set(secretsapi.TokenHeader, token)
	return tr.send(r)
}

func (tr *trial) send(r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	tr.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
