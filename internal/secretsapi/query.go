package secretsapi

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// A kind is one of the two services.
type kind string

const (
	parameter kind = "parameter"
	secret    kind = "secret"
)

// A query is what a request asks for, and the key of its answer in the cache.
type query struct {
	kind    kind
	name    string // of the parameter, with version or label; of the secret
	version string // a secret's versionId
	stage   string // a secret's versionStage
	decrypt bool   // a parameter's withDecryption
}

// parse reads the query string of a request. An error names what is wrong with
// it, in no words of the request's.
func (k kind) parse(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, errors.New("the query string is malformed")
	}
	if k == secret {
		q := query{kind: k, name: values.Get("secretId"), version: values.Get("versionId"), stage: values.Get("versionStage")}
		if q.name == "" {
			return q, errors.New("secretId is missing")
		}
		return q, nil
	}
	q := query{kind: k, name: values.Get("name")}
	version, label := values.Get("version"), values.Get("label")
	switch {
	case q.name == "":
		return q, errors.New("name is missing")
	case version != "" && label != "":
		return q, errors.New("version and label exclude each other")
	case strings.Contains(label, ":"):
		return q, errors.New("label is none")
	}
	if version != "" {
		if _, err := strconv.ParseUint(version, 10, 63); err != nil {
			return q, errors.New("version is no number")
		}
	}
	// GetParameter takes both as a part of the name.
	if selector := version + label; selector != "" {
		q.name += ":" + selector
	}
	if text := values.Get("withDecryption"); text != "" {
		if q.decrypt, err = strconv.ParseBool(text); err != nil {
			return q, errors.New("withDecryption is neither true nor false")
		}
	}
	return q, nil
}
