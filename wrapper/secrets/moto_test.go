package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

// limit is plenty; a machine that is busy with other things must not decide.
const limit = 30 * time.Second

// TestMoto has the real program fetch what moto keeps.
func TestMoto(t *testing.T) {
	env := motoEnv(t)
	url := strings.TrimPrefix(env[0], "AWS_ENDPOINT_URL=")
	parameters, secrets := sdkClients(t, url)
	put(t, parameters, "/app/prod/db-url", "first")
	put(t, parameters, "/app/prod/db-url", "second")
	_, err := parameters.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{Name: aws.String("/app/prod/db-url"), ParameterVersion: aws.Int64(1), Labels: []string{"blue"}})
	require.NoError(t, err)
	put(t, parameters, "/app/prod/deep/db.url", "deeper")
	put(t, parameters, "/app/prod/deep/pool.size", "7")
	put(t, parameters, "/app/prod/1st", "x")
	put(t, parameters, "flat", "no slash")
	put(t, parameters, "/lines", "a\nb\n")
	big := strings.Repeat("x", 4096)
	put(t, parameters, "/big", big)
	for i := range 25 {
		put(t, parameters, fmt.Sprintf("/many/p%02d", i), fmt.Sprint("value ", i))
	}
	arn := create(t, secrets, "prod/db", `{"user": "u", "port": 5432, "tls": {"on": true}, "none": null, "big": 12345678901234567890}`)
	create(t, secrets, "plain", "p4ss")
	huge := strings.Repeat("y", 64<<10)
	create(t, secrets, "huge", huge)
	_, err = secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("text"), SecretBinary: []byte("as text")})
	require.NoError(t, err)
	_, err = secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("binary"), SecretBinary: []byte{0xff, 0, 1}})
	require.NoError(t, err)
	_, err = secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("plain"), SecretString: aws.String("p5ss")})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("in a file\r\n"), 0o600))

	partial := arn[:len(arn)-7]
	for _, together := range []bool{true, false} {
		t.Run(fmt.Sprint("together=", together), func(t *testing.T) {
			cases := []struct {
				question string
				want     reference.Answer
			}{
				{"ref+awsssm://app/prod/db-url", reference.Answer{Value: "second"}},
				{"ref+awsssm:///app/prod/db-url?version=1", reference.Answer{Value: "first"}},
				{"ref+awsssm:///app/prod/db-url?label=blue", reference.Answer{Value: "first"}},
				{"ref+arn:aws:ssm:us-east-1:123456789012:parameter/app/prod/db-url", reference.Answer{Value: "second"}},
				{"ref+awsssm://flat", reference.Answer{Value: "no slash"}},
				{"ref+awsssm://lines", reference.Answer{Value: "a\nb\n"}},
				{"ref+awsssm://big", reference.Answer{Value: big}},
				{"ref+awsssm://none", reference.Answer{Problem: "ParameterNotFound: not in region us-east-1"}},
				{"ref+awsssm://none/at/all", reference.Answer{Problem: "ParameterNotFound: not in region us-east-1"}},
				{"ref+awsssm://flat?region=eu-west-1", reference.Answer{Problem: "ParameterNotFound: not in region eu-west-1"}},
				{"ref+awsssm://flat?role_arn=arn:aws:iam::123456789012:role/other", reference.Answer{Value: "no slash"}},
				{"ref+awssecrets://prod/db#/user", reference.Answer{Value: "u"}},
				{"ref+awssecrets://prod/db#/port", reference.Answer{Value: "5432"}},
				{"ref+awssecrets://prod/db#/big", reference.Answer{Value: "12345678901234567890"}},
				{"ref+awssecrets://prod/db#/tls", reference.Answer{Value: `{"on":true}`}},
				{"ref+awssecrets://prod/db#/tls/on", reference.Answer{Value: "true"}},
				{"ref+awssecrets://prod/db#/none", reference.Answer{Problem: `has null as its key "none"`}},
				{"ref+awssecrets://prod/db#/absent", reference.Answer{Problem: `has no key "absent"`}},
				{"ref+" + arn + "#/user", reference.Answer{Value: "u"}},
				{"ref+" + partial + "#/user", reference.Answer{Value: "u"}},
				{"ref+awssecrets://plain", reference.Answer{Value: "p5ss"}},
				{"ref+awssecrets://plain?version_stage=AWSPREVIOUS", reference.Answer{Value: "p4ss"}},
				{"ref+awssecrets://plain#/x", reference.Answer{Problem: "is not JSON, so that a key leads nowhere"}},
				{"ref+awssecrets://huge", reference.Answer{Value: huge}},
				{"ref+awssecrets://text", reference.Answer{Value: "as text"}},
				{"ref+awssecrets://binary", reference.Answer{Problem: "is binary, and a variable holds text only: ask graft-secrets serve for it"}},
				{"ref+awssecrets://none", reference.Answer{Problem: "ResourceNotFoundException: not in region us-east-1"}},
				{"ref+file://" + file, reference.Answer{Value: "in a file"}},
				{"ref+file:///nowhere", reference.Answer{Problem: "no such file"}},
				{"ref+awsssm://", reference.Answer{Problem: "names nothing"}},
				{"below:/app/prod/", reference.Answer{
					Vars: []fragment.Var{{Name: "DB_URL", Value: "second"}, {Name: "POOL_SIZE", Value: "7"}},
					Notes: []string{"/app/prod/1st: makes no name of a variable: left out",
						"/app/prod/deep/db.url: DB_URL comes from /app/prod/db-url: left out"},
				}},
				{"below:/nothing", reference.Answer{Notes: []string{"no parameter is below /nothing in region us-east-1"}}},
			}
			// The services give ten of them in a page.
			var many []fragment.Var
			for i := range 25 {
				many = append(many, fragment.Var{Name: fmt.Sprintf("P%02d", i), Value: fmt.Sprint("value ", i)})
			}
			cases = slices.Insert(cases, 0, struct {
				question string
				want     reference.Answer
			}{"below:/many", reference.Answer{Vars: many}})
			for i := range 25 {
				cases = append(cases, struct {
					question string
					want     reference.Answer
				}{fmt.Sprintf("ref+awsssm://many/p%02d", i), reference.Answer{Value: fmt.Sprint("value ", i)}})
			}
			if together {
				questions := make([]string, len(cases))
				for i, c := range cases {
					questions[i] = c.question
				}
				for i, got := range ask(t, env, limit, questions...) {
					assert.Equal(t, cases[i].want, got, cases[i].question)
				}
				return
			}
			for _, c := range cases[:len(cases)-25] {
				assert.Equal(t, []reference.Answer{c.want}, ask(t, env, limit, c.question), c.question)
			}
		})
	}
}
