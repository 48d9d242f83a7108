package reference_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/inject/reference"
)

func TestParse(t *testing.T) {
	const (
		parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/db"
		secret    = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:prod/db-AbCdEf"
	)
	for value, want := range map[string]reference.Reference{
		"ref+awsssm://prod/db":                        {Source: reference.Parameter, ID: "/prod/db"},
		"ref+awsssm:///prod/db":                       {Source: reference.Parameter, ID: "/prod/db"},
		"ref+awsssm://db":                             {Source: reference.Parameter, ID: "/db"},
		"ref+awsssm://db?version=3":                   {Source: reference.Parameter, ID: "/db", Selector: "3"},
		"ref+awsssm://db?region=<AWS.Region>":         {Source: reference.Parameter, ID: "/db", Region: "<AWS.Region>"}, // of a template
		"ref+awsssm://db?label=live&region=eu-west-1": {Source: reference.Parameter, ID: "/db", Selector: "live", Region: "eu-west-1"},
		"ref+awsssm://db?mode=singleparam#/a/b":       {Source: reference.Parameter, ID: "/db", Key: []string{"a", "b"}},
		"ref+awsssm://" + parameter:                   {Source: reference.Parameter, ID: parameter, Region: "eu-west-1"},
		"ref+" + parameter + "#/a~1b~0c":              {Source: reference.Parameter, ID: parameter, Region: "eu-west-1", Key: []string{"a/b~c"}},
		"ref+" + parameter + "?region=eu-west-1":      {Source: reference.Parameter, ID: parameter, Region: "eu-west-1"},
		"ref+awssecrets://prod/db":                    {Source: reference.Secret, ID: "prod/db"},
		"ref+awssecrets:///prod/db":                   {Source: reference.Secret, ID: "/prod/db"},
		"ref+awssecrets://" + secret + "/#/user":      {Source: reference.Secret, ID: secret, Region: "us-gov-west-1", Key: []string{"user"}},
		"ref+" + secret + "?version_stage=AWSPREVIOUS&version_id=1": {
			Source: reference.Secret, ID: secret, Region: "us-gov-west-1", Stage: "AWSPREVIOUS", VersionID: "1"},
		"ref+awssecrets://db?role_arn=arn:aws:iam::123456789012:role/r": {Source: reference.Secret, ID: "db", Role: "arn:aws:iam::123456789012:role/r"},
		"ref+file://a/b":                {Source: reference.File, ID: "a/b"},
		"ref+file:///a%20b%3F#/k%2Fl":   {Source: reference.File, ID: "/a b?", Key: []string{"k/l"}},
		"ref+file:///var/task/x.json#/": {},
		"ref+":                          {},
		"ref+hunter2":                   {},
		"ref+vault://hunter2":           {},
		"ref+awsssm://":                 {},
		"ref+awsssm:///":                {},
		"ref+awsssm://db:3":             {},
		"ref+awsssm://db%3A3":           {},
		"ref+" + parameter + "%3A3":     {},
		"ref+awsssm://arn%3Aaws:s3:eu-west-1:1:bucket":                        {},
		"ref+awsssm://%61rn:aws:ssm:eu-west-1:123456789012:parameter/prod/db": {Source: reference.Parameter, ID: parameter, Region: "eu-west-1"},
		"ref+awsssm://db#hunter2":                                             {},
		"ref+awsssm://db#":                                                    {},
		"ref+awsssm://db%zz":                                                  {},
		"ref+awsssm://db%2":                                                   {},
		"ref+file://a%00b":                                                    {},
		"ref+file://a?region=x":                                               {},
		"ref+awsssm://db?hunter2=1":                                           {},
		"ref+awsssm://db?version=":                                            {},
		"ref+awsssm://db?version=1&label=2":                                   {},
		"ref+awssecrets://db?version=1":                                       {},
		"ref+awsssm://" + secret:                                              {},
		"ref+awssecrets://" + parameter:                                       {},
		"ref+" + parameter + "?region=hunter2":                                {},
		"ref+" + secret + ":key::":                                            {},
		"ref+arn:aws:ssm:eu-west-1:1":                                         {},
		"ref+arn:aws:ssm:eu-west-1:1:document/x":                              {},
		"ref+arn:aws:s3:eu-west-1:1:bucket":                                   {},
		"ref+arn:aws:secretsmanager:eu-west-1:1:secret:":                      {},
		"ref+awsssm://db?region=hunter2.example/x":                            {},
		"ref+awssecrets://db?region=x%40hunter2":                              {},
		"ref+awssecrets://db?region=%3Chunter2/x%3E":                          {},
		"ref+awssecrets://db?region=hunter2%3E":                               {},
		"ref+arn:aws:ssm:x.example%2F:1:parameter/x":                          {},
	} {
		r, err := reference.Parse(value)
		if want.Source == 0 {
			if assert.Error(t, err, value) {
				assert.NotContains(t, err.Error(), "hunter2")
			}
			continue
		}
		assert.NoError(t, err, value)
		assert.Equal(t, want, r, value)
	}
}

func TestParseTwice(t *testing.T) {
	for value, want := range map[string]string{
		"ref+awsssm://db?version=1&label=live":                     "takes one version or one label",
		"ref+awsssm://db?version=1&version=2":                      "takes one version or one label",
		"ref+awssecrets://db?version_id=a&version_id=b":            "has version_id twice",
		"ref+awsssm://db?role_arn=a&version=1&role_arn=b":          "has role_arn twice",
		"ref+awssecrets://db?region=eu-west-1&region=us-east-1":    "has two regions",
		"ref+arn:aws:ssm:eu-west-1:1:parameter/x?region=us-east-1": "names another region than its ARN",
	} {
		_, err := reference.Parse(value)
		assert.EqualError(t, err, want, value)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ref+awsssm://a/b?version=1#/c/d%2f~1")
	f.Add("ref+arn:aws:secretsmanager:eu-west-1:1:secret:x?role_arn=y")
	f.Fuzz(func(t *testing.T, value string) {
		r, err := reference.Parse(reference.Prefix + value)
		if err != nil {
			return
		}
		assert.NotEmpty(t, r.ID)
		assert.NotContains(t, r.ID, "\x00")
		assert.NotZero(t, r.Source)
		if r.Source == reference.Parameter && !reference.IsARN(r.ID) {
			assert.Equal(t, byte('/'), r.ID[0])
		}
	})
}
