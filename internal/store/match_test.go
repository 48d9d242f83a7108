package store

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/reference"
)

// A kept is a value as the services name it in their answers.
type kept struct {
	name, arn, value string
	denied           bool
}

const (
	own   = "arn:aws:secretsmanager:us-east-1:111111111111:secret:"
	their = "arn:aws:secretsmanager:us-east-1:222222222222:secret:"
)

var keptSecrets = []kept{
	{name: "db", arn: their + "db-ZZZZZZ", value: "their db"},
	{name: "db", arn: own + "db-AAAAAA", value: "own db"},
	{name: "db-AAAAAB", arn: own + "db-AAAAAB-CCCCCC", value: "another"},
	{name: "db", arn: own + "db-AAAAAB", denied: true},
	{name: "only-theirs", arn: their + "only-theirs-ZZZZZZ", value: "only theirs"},
}

// find finds a secret as Secrets Manager does: a name in the own account, a
// whole ARN before one that lacks the hyphen and six characters.
func find(id string) (kept, bool) {
	for _, match := range []func(k kept) bool{
		func(k kept) bool { return k.name == id && strings.HasPrefix(k.arn, own) },
		func(k kept) bool { return k.arn == id },
		func(k kept) bool { return strings.HasPrefix(k.arn, id+"-") && len(k.arn) == len(id)+7 },
	} {
		if i := slices.IndexFunc(keptSecrets, match); i >= 0 {
			return keptSecrets[i], true
		}
	}
	return kept{}, false
}

// matchClients are clients of services that answer in their own order.
func matchClients(t *testing.T) func() (Clients, error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		type object map[string]any
		var in struct {
			Names, SecretIdList []string
			SecretId, NextToken string
		}
		if !assert.NoError(t, json.NewDecoder(r.Body).Decode(&in)) {
			return
		}
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		out := object{}
		switch action {
		case "GetParameters":
			var list []object
			for _, query := range in.Names {
				name, version, versioned := strings.Cut(query, ":")
				p := object{"Name": name, "Value": "latest of " + name}
				if versioned {
					p["Value"], p["Selector"] = "version "+version+" of "+name, ":"+version
				}
				if name == "/none" {
					delete(p, "Value")
				}
				list = append(list, p)
			}
			out["Parameters"] = list
		case "BatchGetSecretValue":
			var list, errs []object
			for _, k := range keptSecrets {
				for _, id := range in.SecretIdList {
					if found, ok := find(id); ok && found == k && !k.denied {
						list = append(list, object{"Name": k.name, "ARN": k.arn, "SecretString": k.value})
					}
				}
			}
			for _, id := range in.SecretIdList {
				if k, ok := find(id); !ok {
					errs = append(errs, object{"SecretId": id, "ErrorCode": "ResourceNotFoundException"})
				} else if k.denied {
					errs = append(errs, object{"SecretId": id, "ErrorCode": "AccessDeniedException"})
				}
			}
			// The errors come last, on a page of their own.
			if out["Errors"] = errs; in.NextToken == "" {
				out = object{"SecretValues": list, "NextToken": "errors"}
			}
		case "GetSecretValue":
			k, ok := find(in.SecretId)
			if !ok || k.denied {
				w.WriteHeader(http.StatusBadRequest)
				out["__type"] = map[bool]string{true: "AccessDeniedException", false: "ResourceNotFoundException"}[ok]
				break
			}
			out["Name"], out["ARN"], out["SecretString"] = k.name, k.arn, k.value
		}
		assert.NoError(t, json.NewEncoder(w).Encode(out))
	}))
	t.Cleanup(server.Close)
	return func() (Clients, error) {
		none := filepath.Join(t.TempDir(), "none")
		return New(t.Context(), config.WithRegion("us-east-1"), config.WithBaseEndpoint(server.URL),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("a", "b", "")),
			config.WithSharedConfigFiles([]string{none}), config.WithSharedCredentialsFiles([]string{none}))
	}
}

// TestMatch: whatever is asked for together, each reference has its own value.
func TestMatch(t *testing.T) {
	t.Parallel()
	open := matchClients(t)
	const denied = "AccessDeniedException: allow the role secretsmanager:GetSecretValue on it, and kms:Decrypt if its KMS key is your own"
	const missing = "ResourceNotFoundException: not in region us-east-1"
	for _, c := range []map[string]reference.Answer{
		{ // the same name in two accounts
			"ref+awssecrets://db":        {Value: "own db"},
			"ref+" + their + "db-ZZZZZZ": {Value: "their db"},
		},
		{
			"ref+awssecrets://only-theirs":        {Problem: missing},
			"ref+" + their + "only-theirs-ZZZZZZ": {Value: "only theirs"},
		},
		{ // a whole ARN that reads like one that lacks its end
			"ref+" + own + "db-AAAAAB":        {Problem: denied},
			"ref+" + own + "db-AAAAAB-CCCCCC": {Value: "another"},
			"ref+awssecrets://db-AAAAAB":      {Value: "another"},
		},
		{ // the same secret by all its names
			"ref+awssecrets://db":      {Value: "own db"},
			"ref+" + own + "db-AAAAAA": {Value: "own db"},
		},
		{
			"ref+awsssm://a":            {Value: "latest of /a"},
			"ref+awsssm://a?version=3":  {Value: "version 3 of /a"},
			"ref+awsssm://a?label=live": {Value: "version live of /a"},
			"ref+awsssm://none":         {Problem: "has no value"},
		},
	} {
		var questions []string
		for q := range c {
			questions = append(questions, q)
		}
		slices.Sort(questions)
		for range 2 {
			got, err := Fetch(t.Context(), questions, time.Minute, "/", open)
			require.NoError(t, err)
			for i, q := range questions {
				assert.Equal(t, c[q], got[i], q)
			}
			slices.Reverse(questions)
		}
	}
}
